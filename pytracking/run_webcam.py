"""Segment objects in the picture of a camera, or of a video played as if it were one.

In the window two clicks span the box of an object, r forgets all objects, the space bar pauses and
q ends the run. Ctrl-C ends it too and keeps the results.

Example:
    python run_webcam.py joint joint_ytvos --show
    python run_webcam.py joint joint_ytvos --source dog.mp4 --optional-box 46 37 24 17 --output out
    python run_webcam.py joint joint_ytvos --source rtsp://camera/1 --realtime --show
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import command, set_up_logging
from ltr.admin.errors import ConfigError
from pytracking.cli.arguments import resolve_tracker
from pytracking.cli.video_arguments import VideoParser, resolve_task


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Segment the picture of a camera until it is ended."""
    arguments = _parser().parse_args(argv)
    set_up_logging(arguments.quiet)
    if not arguments.show and arguments.output is None:
        raise ConfigError("nothing would be seen: give --show for a window or --output DIR")
    spec = resolve_tracker(arguments)
    from pytracking.cli.outcomes import tell_dropped
    from pytracking.evaluation.running.live import stop_on_interrupt
    from pytracking.evaluation.running.video import process_live
    from pytracking.utils.window import DisplayWindow

    task = resolve_task(arguments, spec, _camera_or_path(arguments.source))
    with ExitStack() as stack:
        window = None
        if arguments.show:
            window = DisplayWindow(f"{arguments.system} {arguments.name}")
            stack.callback(window.close)
        stop = stack.enter_context(stop_on_interrupt())
        summary = process_live(task, window, stop)
    folder = f": {summary.folder}" if summary.folder else ""
    print(f"{summary.frames} frames at {summary.fps:.1f} fps{folder}")
    tell_dropped(summary)
    if summary.failure:
        print(f"failed: {summary.failure}", file=sys.stderr, flush=True)
    return int(bool(summary.failure))


def _parser() -> VideoParser:
    parser = VideoParser(__doc__)
    parser.add_tracker()
    parser.add_fast()
    parser.add_argument("--source", default="0", help="camera number, video, address or - (0)")
    parser.add_switch("--show", "open a window")
    parser.add_objects()
    parser.add_output()
    parser.add_stream()
    parser.add_runtime()
    return parser


def _camera_or_path(text: str) -> int | str:
    return int(text) if text.isdigit() else text


if __name__ == "__main__":
    sys.exit(main())
