"""Pairs of frames made of one still image with outlined instances, moved in two ways.

The main training stage of Propose-Reduce makes videos of COCO this way (paper, section 4; the
released code has the later stage only, so the amount of motion is ours).
"""

from __future__ import annotations

import math

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import box_of_mask
from ltr.data.pair_dataset import AnnotatedFrame, InstancePairs
from ltr.data.randomness import Generators
from ltr.data.transforms import RandomAffine
from ltr.dataset.image_base import ImageDataset
from ltr.dataset.youtubevis_classes import label_of

MOTION = RandomAffine(
    max_rotation=20,
    max_shear=math.tan(math.radians(10)),
    max_scale=math.log(1.2),
    max_shift=0.1,
)
_MIN_PIXELS = 16
_WIDE = 16 / 9
_SMALLEST_PART = 0.4  # of the width


class PseudoVideos(InstancePairs):
    """Every image with an instance of a known class is a query; its guidance is the same image.

    Args:
        images: One instance each; those of one image are joined.
        classes: Names of the wanted classes; a single one takes every instance.
        motion: Moves each frame.

    Raises:
        DataError: No instance belongs to one of the classes.
    """

    def __init__(
        self,
        images: ImageDataset,
        classes: tuple[str, ...],
        motion: RandomAffine = MOTION,
    ) -> None:
        super().__init__(f"pseudo:{images.get_name()}", classes)
        self._images = images
        self._motion = motion
        groups: dict[int, list[tuple[int, int]]] = {}
        for number in range(images.get_num_images()):
            label = label_of(images.get_category(number), classes)
            if label is not None:
                groups.setdefault(images.get_picture(number), []).append((number, label))
        if not groups:
            raise DataError(f"{images.get_name()} has no instance of the classes {classes}")
        self._groups = list(groups.values())

    def __len__(self) -> int:
        return len(self._groups)

    def read(self, index: int, random: Generators) -> tuple[AnnotatedFrame, AnnotatedFrame]:
        """See ``InstancePairs``; an object that a motion takes out of the image is left out."""
        still = self.view(self._read_still(index), random)
        query, guidance = (self._move(still, random) for _ in range(2))
        if len(query.numbers) == 0:
            raise DataError("the motion takes all objects out of the image")
        return query, guidance

    def source(self, index: int) -> str:
        """Data set and number of an instance."""
        return f"{self.name} instance {self._groups[index][0][0]}"

    def view(self, still: AnnotatedFrame, random: Generators) -> AnnotatedFrame:
        """The part of a still image that becomes a video: here all of it."""
        return still

    def _read_still(self, index: int) -> AnnotatedFrame:
        numbers, labels = np.array(self._groups[index]).T
        return AnnotatedFrame(
            self._images.get_image(int(numbers[0])),
            numbers,
            labels,
            boxes=np.zeros((len(numbers), 4), np.float32),
            masks=np.stack([self._images.get_mask(int(number)) for number in numbers]),
        )

    def _move(self, still: AnnotatedFrame, random: Generators) -> AnnotatedFrame:
        roll = self._motion.roll(random)
        masks = np.stack([self._motion.mask(mask, roll) for mask in still.masks])
        is_shown = masks.sum(axis=(1, 2)) >= _MIN_PIXELS
        masks = masks[is_shown]
        boxes = [box_of_mask(mask) for mask in masks]
        return AnnotatedFrame(
            self._motion.image(still.image, roll),
            still.numbers[is_shown],
            still.labels[is_shown],
            np.array(boxes, np.float32).reshape(-1, 4),
            masks,
        )


class ZoomedStills(PseudoVideos):
    """Parts of still images, as wide as videos, around one of their instances.

    Small instances become larger than in the whole image, and no part of the network's input is
    lost where the image is higher than a video.
    """

    def view(self, still: AnnotatedFrame, random: Generators) -> AnnotatedFrame:
        """A random part that shows the centre of a random instance."""
        draw = random.python
        height, width = still.image.shape[:2]
        x, y, box_width, box_height = box_of_mask(draw.choice(list(still.masks))).tolist()
        least = max(box_width / width, box_height * _WIDE / width, _SMALLEST_PART)
        part_width = int(width * draw.uniform(min(least, 1.0), 1.0))
        part_height = min(int(part_width / _WIDE), height)
        left = _start(x + box_width / 2, part_width, width, draw.random())
        top = _start(y + box_height / 2, part_height, height, draw.random())
        part = (slice(top, top + part_height), slice(left, left + part_width))
        return AnnotatedFrame(
            np.ascontiguousarray(still.image[part]),
            still.numbers,
            still.labels,
            still.boxes,
            np.ascontiguousarray(still.masks[(slice(None), *part)]),
        )


def _start(centre: float, length: int, whole: int, share: float) -> int:
    """Where a part begins that shows ``centre``, with ``share`` (0..1) of the room before it."""
    first, last = max(0, int(centre) - length + 1), min(int(centre), whole - length)
    return first + int((max(last, first) - first) * share)
