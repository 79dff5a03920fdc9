"""Segment objects in a video: masks, overlay video and contact sheet in one folder.

Example:
    python run_video.py joint joint_ytvos dog.mp4 --mask first_frame.png --output out
    python run_video.py joint joint_demo dog.mp4 --scribbles dog.json
    python run_video.py propose_reduce ytvis19_r50 clip.mp4
    python run_video.py propose_reduce ytvis19_r101 folder_of_clips --output out
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import CommandParser, command, set_up_logging
from ltr.admin.errors import ConfigError
from pytracking.evaluation.arguments import (
    add_runtime_arguments,
    add_tracker_arguments,
    resolve_runtime,
    resolve_tracker,
)
from pytracking.evaluation.video_arguments import (
    add_clip_arguments,
    add_object_arguments,
    add_output_arguments,
    add_scribble_arguments,
)

if TYPE_CHECKING:
    from pytracking.evaluation.tracker import TrackerSpec
    from pytracking.evaluation.video import VideoSummary, VideoTask
    from pytracking.tracker.base import Runtime


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Segment one video, or a folder of them; 1 when one of several failed."""
    arguments = _parse(argv)
    set_up_logging(arguments.quiet)
    from pytracking.evaluation.video import process_video
    from pytracking.evaluation.video_arguments import resolve_task

    spec, runtime = resolve_tracker(arguments), resolve_runtime(arguments)
    task = resolve_task(arguments, arguments.videofile)
    if arguments.scribbles is not None:
        from pytracking.evaluation.scribble_video import process_scribbles

        file, to_mask = arguments.scribbles, arguments.to_mask
        _tell(process_scribbles(spec, runtime, task, file, to_mask))
        return 0
    if spec.kind == "clip":
        return _segment_clips(spec, runtime, task, arguments)
    if arguments.texts:
        raise ConfigError("this tracker takes no sentences: leave out --text")
    if spec.kind == "interactive":
        raise ConfigError(
            "this tracker takes scribbles: name a file with --scribbles FILE, or draw them in "
            "run_interactive.py"
        )
    _tell(process_video(spec, runtime, task))
    return 0


def _segment_clips(
    spec: TrackerSpec, runtime: Runtime, task: VideoTask, arguments: argparse.Namespace
) -> int:
    from pytracking.evaluation.clip_video import ClipProcessor, ClipTask
    from pytracking.evaluation.video import start_tracker

    clips = ClipTask(task, tuple(arguments.texts), arguments.least_score)
    has_failed = False
    for outcome in ClipProcessor(spec, start_tracker(spec, runtime), runtime, clips).run():
        if outcome.summary is not None:
            _tell(outcome.summary)
            continue
        has_failed = True
        print(f"failed: {outcome.name}: {outcome.failure}", file=sys.stderr)
    return int(has_failed)


def _tell(summary: VideoSummary) -> None:
    rate = summary.frames_per_second
    print(f"{summary.frames} frames at {rate:.1f} fps: {summary.folder}", flush=True)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = CommandParser(__doc__)
    add_tracker_arguments(parser)
    parser.add_argument("videofile", help="video file, folder of frames or of clips")
    add_object_arguments(parser)
    add_scribble_arguments(parser)
    add_clip_arguments(parser)
    add_output_arguments(parser)
    add_runtime_arguments(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
