"""Segment objects in a video: masks, overlay video and contact sheet in one folder.

Example:
    python run_video.py joint joint_ytvos dog.mp4 --mask first_frame.png --output out
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import CommandParser, command, set_up_logging
from pytracking.evaluation.arguments import (
    add_runtime_arguments,
    add_tracker_arguments,
    resolve_runtime,
    resolve_tracker,
)
from pytracking.evaluation.video_arguments import add_object_arguments, add_output_arguments


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Segment one video."""
    arguments = _parse(argv)
    set_up_logging(arguments.quiet)
    from pytracking.evaluation.video import process_video
    from pytracking.evaluation.video_arguments import resolve_task

    task = resolve_task(arguments, arguments.videofile)
    summary = process_video(resolve_tracker(arguments), resolve_runtime(arguments), task)
    print(f"{summary.frames} frames at {summary.frames_per_second:.1f} fps: {summary.folder}")
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = CommandParser(__doc__)
    add_tracker_arguments(parser)
    parser.add_argument("videofile", help="video file, or folder of frames")
    add_object_arguments(parser)
    add_output_arguments(parser)
    add_runtime_arguments(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
