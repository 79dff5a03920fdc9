"""Segment a video with an exported tracker; needs onnxruntime, but no PyTorch.

Example:
    python run_exported.py exported dog.mp4 --mask first.png --output masks
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np

from ltr.admin.cli import CommandParser, command, set_up_logging
from ltr.admin.errors import DataError
from ltr.data.image_io import read_label_map, write_label_map
from ltr.data.palette import VOID
from pytracking.export.runner.graphs import check_threads
from pytracking.export.runner.load import load_exported
from pytracking.export.runner.output import ExportedTracker
from pytracking.tracker.frame_info import FrameInfo
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.staging import check_free, staged_folder
from pytracking.utils.video_reader import read_video

_MASKS = "masks"


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write a mask for every frame."""
    arguments = _parser().parse_args(argv)
    set_up_logging(arguments.quiet)
    threads = check_threads(arguments.threads)
    check_free(arguments.output, () if arguments.overwrite else (_MASKS,))
    labels = read_label_map(arguments.mask)
    tracker = load_exported(arguments.exported, threads, arguments.trust)
    entries = (_MASKS,)
    with (
        read_video(arguments.video) as video,
        staged_folder(arguments.output, entries, arguments.overwrite) as staging,
    ):
        count, seconds = _track(tracker, video, labels, staging / _MASKS)
    if not arguments.quiet:
        print(f"{arguments.output / _MASKS}: {count} frames, fps={count / max(seconds, 1e-9):.2f}")
    return 0


def _track(
    tracker: ExportedTracker, video: FrameSource, labels: np.ndarray, folder: Path
) -> tuple[int, float]:
    """Write the masks of a video; the number of frames, and the seconds spent on tracking."""
    object_ids = tuple(int(key) for key in np.unique(labels) if 0 < key < VOID)
    if not object_ids:
        raise DataError("the first mask shows no object")
    folder.mkdir()
    count, seconds = 0, 0.0
    for index, image in enumerate(video):
        begin = time.perf_counter()
        if index == 0:
            output = tracker.initialize(image, FrameInfo(object_ids, labels))
        else:
            output = tracker.track(image)
        seconds += time.perf_counter() - begin
        write_label_map(folder / f"{video.stem(index)}.png", output.segmentation)
        count += 1
    return count, seconds


def _parser() -> CommandParser:
    parser = CommandParser(__doc__)
    parser.add_argument("exported", type=Path, metavar="DIR", help="what export_tracker.py wrote")
    parser.add_argument("video", metavar="VIDEO", help="a video file or a folder of frames")
    parser.add_argument(
        "--mask", type=Path, required=True, metavar="PNG", help="label map of the first frame"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="OUT", help="folder of the results"
    )
    parser.add_argument(
        "--threads", type=int, default=0, metavar="N", help="threads; 0 uses all cores (0)"
    )
    parser.add_switch("--trust", "load programs of PyTorch, which can do anything")
    parser.add_switch("--overwrite", "replace earlier results")
    parser.add_quiet()
    return parser


if __name__ == "__main__":
    sys.exit(main())
