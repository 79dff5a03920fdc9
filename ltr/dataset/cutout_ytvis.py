"""Clips of cut-out objects in YouTube-VIS's layout: ``python -m ltr.dataset.cutout_ytvis FOLDER``.

Objects cut out of still images, and shapes filled with pieces of them, move over parts of still
images in which nothing is annotated. The classes are person, animal, vehicle and object. Of the
pictures, every sixth is kept for ``valid``; ``new_clips`` shows the objects of ``train`` in clips
that differ from those of ``train``.
"""

from __future__ import annotations

import random as python_random
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import ConfigError, DataError, OutputError
from ltr.admin.progress import FrameProgress
from ltr.data.drawing import blend
from ltr.dataset.image_base import ImageDataset
from ltr.dataset.pasted_objects import Sprite, cut_out, draw_shape, place
from ltr.dataset.registry import open_images
from ltr.dataset.still_scenes import StillScenes
from ltr.dataset.youtubevis_classes import CLASSES, coarse_class
from ltr.dataset.youtubevis_file import VisWriter

_HELD_OUT = 6  # every so many pictures are for validation
_SHAPE_PROBABILITY = 0.3
_MOST_OBJECTS = 3
_NEW_CLIPS = 1_000_000  # first seed of clips that train does not have


class CutoutClips:
    """Clips of moving objects; equal seeds give equal clips.

    Args:
        images: Gives the objects and the backgrounds.
        is_validation: Whether to show the held-out pictures, or the others.
        size: Height and width of the clips.

    Raises:
        DataError: The split has no object.
    """

    def __init__(
        self, images: ImageDataset, is_validation: bool, size: tuple[int, int] = (144, 256)
    ) -> None:
        self.images = images
        self.size = size
        shown: list[int] = []
        self._objects: dict[str, list[int]] = {name: [] for name in CLASSES["coarse"]}
        for number in range(images.get_num_images()):
            picture = images.get_picture(number)
            if (picture % _HELD_OUT == 0) == is_validation:
                shown.append(number)
                self._objects[coarse_class(images.get_category(number))].append(number)
        self._objects = {name: numbers for name, numbers in self._objects.items() if numbers}
        if not self._objects:
            raise DataError(f"{images.get_name()} has too few objects to split")
        self._scenes = StillScenes(images, shown, size)

    def render(
        self, seed: int, frames: int
    ) -> tuple[list[np.ndarray], list[np.ndarray], dict[int, str]]:
        """Make a clip.

        Returns:
            Images, uint8 (H, W, 3) RGB; label maps, uint8 (H, W); class by object id.
        """
        draw = python_random.Random(seed)
        images = self._scenes.background(frames, draw)
        labels = [np.zeros(self.size, np.uint8) for _ in images]
        classes: dict[int, str] = {}
        for number in range(1, draw.randint(1, _MOST_OBJECTS) + 1):
            classes[number], sprite = self._sprite(frames, draw)
            for index, (pixels, opacity) in enumerate(place(sprite, self.size[::-1], draw)):
                images[index] = blend(images[index], pixels, opacity)
                labels[index][opacity > 0.5] = number
        return images, labels, classes

    def _sprite(self, frames: int, draw: python_random.Random) -> tuple[str, Sprite]:
        if draw.random() < _SHAPE_PROBABILITY:
            filling, _ = self._scenes.still(draw)
            return "object", draw_shape(filling, frames, draw)
        name = draw.choice(list(self._objects))
        number = draw.choice(self._objects[name])
        mask = self.images.get_mask(number).astype(np.float32)
        sprite = cut_out([self.images.get_image(number)], [mask])
        return name, Sprite([*sprite.images] * frames, [*sprite.masks] * frames)


def write_clips(
    root: Path, split: str, clips: CutoutClips, seeds: Sequence[int], frames: int
) -> None:
    """Write ``<split>/JPEGImages/<clip>/<frame>.jpg`` and ``<split>.json``.

    Raises:
        OSError: The folder cannot be written.
    """
    writer = VisWriter(CLASSES["coarse"], "clips of cut-out objects")
    with FrameProgress(f"writing {split}", len(seeds), unit="clips") as progress:
        for seed in seeds:
            images, labels, classes = clips.render(seed, frames)
            writer.add_clip(root / split, f"{seed:07d}", images, labels, classes)
            progress.advance()
    writer.write(root / f"{split}.json")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write the three splits."""
    parser = CommandParser(__doc__)
    parser.add_argument("folder", type=Path, help="new folder of the data set")
    parser.add_argument(
        "--images",
        default="COCO/2017/train/900",
        metavar="NAME",
        help="data set of the still images",
    )
    parser.add_argument("--train", type=int, default=600, metavar="N", help="clips (600)")
    parser.add_argument("--valid", type=int, default=50, metavar="N", help="clips of either (50)")
    parser.add_argument("--frames", type=int, default=8, metavar="N", help="of a clip (8)")
    arguments = parser.parse_args(argv)
    if arguments.folder.exists() and any(arguments.folder.iterdir()):
        raise OutputError(f"{arguments.folder} is not empty: give a new folder")
    if min(arguments.train, arguments.valid, arguments.frames) < 1:
        raise ConfigError("--train, --valid and --frames must be positive")
    images = open_images(arguments.images)
    for split, count, first in (
        ("train", arguments.train, 0),
        ("new_clips", arguments.valid, _NEW_CLIPS),
        ("valid", arguments.valid, 0),
    ):
        clips = CutoutClips(images, split == "valid")
        seeds = range(first, first + count)
        write_clips(arguments.folder, split, clips, seeds, arguments.frames)
    return 0


if __name__ == "__main__":
    sys.exit(main())
