"""Make videos short and small, in the layout of DAVIS, so that rounds take seconds on a CPU.

Every clip has the same number of frames, spread evenly over the whole video.

Example:
    python scripts/interactive/make_clips.py ../data/DAVIS ../data/clips --frames 20 --height 240
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import ConfigError, DataError, OutputError
from ltr.data.image_io import read_image, write_image, write_label_map
from ltr.dataset.davis import Davis
from pytracking.evaluation.datasets.sequence import Sequence as Video
from pytracking.evaluation.datasets.sequence import build_sequence
from pytracking.utils.staging import translate_write_errors

_SPLITS = ("train", "val")
_LISTS = Path("ImageSets") / "2017"


@dataclass(frozen=True)
class ClipSize:
    """How small the clips are.

    Args:
        height: Rows of a frame.
        frames: Most frames of a clip.
        step: Every so many frames of the video, from the first one; None spreads them evenly.
    """

    height: int = 96
    frames: int = 10
    step: int | None = None

    def __post_init__(self) -> None:
        if min(self.height, self.frames, self.step or 1) < 1:
            raise ConfigError("the height and the number of frames of a clip must be positive")

    def places(self, length: int) -> list[int]:
        """Indices of the frames that a clip of a video with ``length`` frames has."""
        if self.step is not None:
            return list(range(0, length, self.step))[: self.frames]
        count = min(self.frames, length)
        return np.linspace(0, length - 1, count).round().astype(int).tolist()


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write the clips of all splits."""
    parser = CommandParser(__doc__)
    parser.add_argument("src", type=Path, help="folder of DAVIS or of a set in its layout")
    parser.add_argument("dst", type=Path, help="folder of the clips, which must not exist yet")
    parser.add_argument("--frames", type=int, default=20, metavar="N", help="per clip (20)")
    parser.add_argument("--height", type=int, default=240, metavar="N", help="rows (240)")
    arguments = parser.parse_args(argv)
    source, target = arguments.src, arguments.dst
    if target.exists():
        raise OutputError(f"{target} exists already")
    splits = [split for split in _SPLITS if (source / _LISTS / f"{split}.txt").is_file()]
    if not splits:
        raise DataError(f"{source / _LISTS} holds no list train.txt or val.txt")
    size = ClipSize(arguments.height, arguments.frames)
    names = {split: Davis(source, split=split).videos for split in splits}
    with translate_write_errors(target):
        for split, found in names.items():
            write_clips(source, split, found, target, size)
        write_lists(target, names)
    print(f"{sum(map(len, names.values()))} clips: {target}")
    return 0


def write_clips(
    source: Path, split: str, names: Sequence[str], target: Path, size: ClipSize
) -> None:
    """Copy some videos of a data set.

    Args:
        source: Folder in DAVIS's layout.
        split: The list that names the videos.
        names: The videos.
        target: Folder to be written, in the same layout, but for its lists.
        size: Size and length of the copies.

    Raises:
        DataError: The source is damaged.
    """
    dataset = Davis(source, split=split)
    for name in names:
        _write_clip(build_sequence(dataset, name), target, size)


def write_lists(target: Path, names: Mapping[str, Sequence[str]]) -> None:
    """Write which clips belong to which split."""
    (target / _LISTS).mkdir(parents=True, exist_ok=True)
    for split, found in names.items():
        (target / _LISTS / f"{split}.txt").write_text("".join(f"{name}\n" for name in found))


def _write_clip(video: Video, target: Path, size: ClipSize) -> None:
    shape = round(video.shape[1] * size.height / video.shape[0]), size.height
    for number, place in enumerate(size.places(len(video.frames))):
        stem = f"{video.name}/{number:05d}"
        image, labels = read_image(video.frames[place]), video.read_mask(place)
        if labels is None:
            raise DataError(f"{video.name} has no annotation of frame {place}")
        image = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
        labels = cv2.resize(labels, shape, interpolation=cv2.INTER_NEAREST)
        write_image(target / "JPEGImages" / "480p" / f"{stem}.jpg", image)
        write_label_map(target / "Annotations" / "480p" / f"{stem}.png", labels)
