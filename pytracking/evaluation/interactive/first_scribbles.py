"""Let the robot draw first scribbles for a data set that has none.

Writes Scribbles/<sequence>/001.json to 003.json beside JPEGImages: the lines that the robot draws
on three frames, chosen by the seed, against an empty prediction. With --dst they go into another
folder, which gets links to the data set's own folders and so can stand for it.

Example:
    python scripts/interactive/write_scribbles.py ../data/DAVIS
    python scripts/interactive/write_scribbles.py ../data/davis-mini --dst davis_scribbled
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ltr.admin.cli import CommandParser, command, set_up_logging
from ltr.admin.errors import ConfigError, DataError
from ltr.admin.progress import FrameProgress
from ltr.data.interactive.robot import RobotParameters, draw_corrections
from ltr.data.interactive.scribbles import ScribbleLine, VideoScribbles, write_scribbles
from ltr.dataset.davis import Davis
from pytracking.evaluation.datasets.sequence import build_sequence
from pytracking.evaluation.interactive.videos import (
    NUM_SCRIBBLES,
    SCRIBBLES,
    InteractiveVideo,
    interactive_video,
)
from pytracking.utils.staging import translate_write_errors

_SPLITS = ("train", "val")
_LINKED = ("JPEGImages", "Annotations", "Annotations_unsupervised", "ImageSets")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write the scribbles of all sequences of some splits."""
    arguments = _parser().parse_args(argv)
    set_up_logging(arguments.quiet)
    splits = arguments.split or [
        split
        for split in _SPLITS
        if (arguments.src / "ImageSets" / "2017" / f"{split}.txt").is_file()
    ]
    if not splits:
        raise DataError(f"{arguments.src}/ImageSets/2017 has no list train.txt or val.txt")
    datasets = [Davis(arguments.src, split=split) for split in splits]
    videos = {
        name: interactive_video(build_sequence(dataset, name))
        for dataset in datasets
        for name in dataset.videos
    }
    target = arguments.dst or arguments.src
    with translate_write_errors(target):
        if arguments.dst is not None:
            _link(arguments.src, arguments.dst)
        found = list(videos.values())
        count = write_first_scribbles(found, target, arguments.seed, arguments.overwrite)
    print(f"{count} files written: {target / SCRIBBLES}")
    return 0


def write_first_scribbles(
    videos: Sequence[InteractiveVideo], root: Path, seed: int = 0, overwrite: bool = False
) -> int:
    """Write ``root/Scribbles/<video>/001.json`` to ``003.json``.

    Args:
        videos: With annotations.
        root: Folder of the data set.
        seed: Decides, with a video's name, on which frames the robot draws.
        overwrite: Replace files that exist, which may be drawn by people.

    Returns:
        Number of files.

    Raises:
        ConfigError: A file exists already.
        DataError: Annotations are damaged or show no object.
    """
    targets = {video.name: root / SCRIBBLES / video.name for video in videos}
    existing = [path for path in targets.values() if path.exists()]
    if existing and not overwrite:
        raise ConfigError(f"{existing[0]} exists already: --overwrite replaces it")
    with FrameProgress("drawing scribbles", len(targets), unit="videos") as progress:
        for video in videos:
            scribbles = draw_first_scribbles(video, seed)
            for number, drawn in enumerate(scribbles, 1):
                write_scribbles(targets[video.name] / f"{number:03d}.json", drawn)
            progress.advance()
    return len(targets) * NUM_SCRIBBLES


def draw_first_scribbles(video: InteractiveVideo, seed: int) -> list[VideoScribbles]:
    """Draw on three frames of those that show the most objects, large enough for a line.

    Raises:
        DataError: Annotations are damaged or show no object.
    """
    truth = video.read_truth()
    ids = np.arange(1, video.num_objects + 1)
    num_visible = np.array([np.isin(ids, labels).sum() for labels in truth])
    rng = np.random.default_rng([seed, zlib.crc32(video.name.encode())])
    best = np.flatnonzero(num_visible == num_visible.max())
    frames = rng.choice(best, NUM_SCRIBBLES, replace=len(best) < NUM_SCRIBBLES).tolist()
    others = rng.permutation(np.setdiff1d(best, frames)).tolist()
    drawn = [found for frame in [*frames, *others] if (found := _draw_on(video, truth, frame))]
    if not drawn:
        raise DataError(f"{video.name} shows no object large enough for a scribble")
    return [drawn[index % len(drawn)] for index in range(NUM_SCRIBBLES)]


def _draw_on(video: InteractiveVideo, truth: np.ndarray, frame: int) -> VideoScribbles | None:
    """The lines of a frame; None where its objects are too small for one."""
    empty = np.zeros_like(truth[frame])
    lines = draw_corrections(truth[frame], empty, video.num_objects, RobotParameters())
    if not lines:
        return None
    frames: list[tuple[ScribbleLine, ...]] = [()] * (video.offset + len(video))
    frames[video.offset + frame] = tuple(lines)
    return VideoScribbles(video.name, tuple(frames))


def _link(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in _LINKED:
        if (source / name).is_dir() and not (target / name).exists():
            os.symlink((source / name).resolve(), target / name)


def _parser() -> CommandParser:
    parser = CommandParser(__doc__)
    parser.add_argument("src", type=Path, help="folder of DAVIS or of a set in its layout")
    parser.add_argument("--dst", type=Path, metavar="DIR", help="write there (SRC)")
    parser.add_argument(
        "--split", action="append", metavar="NAME", help="list of ImageSets/2017 (train and val)"
    )
    parser.add_argument("--seed", type=int, default=0, help="chooses the frames (0)")
    parser.add_switch("--overwrite", "replace existing scribbles")
    parser.add_quiet()
    return parser
