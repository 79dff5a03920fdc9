"""Training samples of IPN: one object in eight frames of a video."""

from __future__ import annotations

import math
import random
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.interactive.warps import deform
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.dataset.vos_base import VosDataset

_LENGTH = 8
_FIRST_SKIP, _MOST_SKIP, _SKIP_EPOCHS = 4, 8, 20
_OFFSET, _CONTRAST = 5.0, 0.03
_CROP_DRAWS = 100


class ClipDraw(NamedTuple):
    """Number of the sequence, id of the object, and the frames."""

    sequence: int
    object_id: int
    frames: tuple[int, ...]


class ObjectClips(RandomSamples[ClipDraw]):
    """Every object of every video once per epoch, with frames that lie farther apart over time.

    Args:
        dataset: Videos with all objects.
        short_side: To which frames are scaled, pixels.
        crop_size: Side of the square crop of a clip, pixels.
    """

    def __init__(self, dataset: VosDataset, short_side: int, crop_size: int) -> None:
        self.dataset = dataset
        self.objects = [
            (sequence, int(object_id))
            for sequence in range(dataset.get_num_sequences())
            for object_id in dataset.get_sequence_info(sequence)["object_ids"]
        ]
        super().__init__(len(self.objects))
        self.short_side = short_side
        self.crop_size = crop_size

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> ClipDraw:
        """The object whose turn it is, at random when that failed, and frames of it."""
        place = random.python.randrange(len(self.objects)) if attempt else key.position
        sequence, object_id = self.objects[place]
        sizes = self.dataset.get_sequence_info(sequence)["object_sizes"]
        complete = np.flatnonzero((sizes > 0).all(axis=1)).tolist()
        places = choose_frames(len(complete), key.epoch - 1, random.python)
        return ClipDraw(sequence, object_id, tuple(complete[place] for place in places))

    def read(self, draw: ClipDraw, random: Generators) -> dict[str, Any]:
        """Read and augment a clip.

        Returns:
            ``images`` float32 (8, 3, side, side) RGB, 0..1; ``truth`` float32 (8, side, side), 1 on
            the object.

        Raises:
            DataError: Too few frames show all objects, no crop shows object and background, or a
                file is missing or damaged.
        """
        if not draw.frames:
            raise DataError(f"fewer than {_LENGTH} frames show all objects")
        info = self.dataset.get_sequence_info(draw.sequence)
        images, record, _ = self.dataset.get_frames(draw.sequence, list(draw.frames), info)
        masks = [(np.asarray(labels) == draw.object_id) for labels in record["mask"]]
        frames = [
            _shrink(image, mask, self.short_side) for image, mask in zip(images, masks, strict=True)
        ]
        window = _choose_window([mask for _, mask in frames], self.crop_size, random.python)
        warped = [_warp(image[window], mask[window], random.python) for image, mask in frames]
        pictures = change_light(np.stack([image for image, _ in warped]), random.python)
        truth = torch.from_numpy(np.stack([mask for _, mask in warped]))
        planes = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
        if random.python.random() < 0.5:
            planes, truth = planes.flip(-1), truth.flip(-1)
        return {"images": planes.contiguous(), "truth": truth.float().contiguous()}

    def source(self, draw: ClipDraw) -> str:
        """Sequence and object."""
        name = self.dataset.get_sequence_info(draw.sequence)["sequence"]
        return f"{self.dataset.get_name()} {name} object {draw.object_id}"


def choose_frames(count: int, epoch: int, draw: random.Random) -> list[int]:
    """Eight of ``count`` frames, evenly spread, with a skip that may grow with the epochs.

    Args:
        count: Number of frames to choose from.
        epoch: Counted from 0.
        draw: Draws.

    Returns:
        Ascending positions; none where there are too few.

    >>> choose_frames(8, 0, random.Random(0)), choose_frames(7, 0, random.Random(0))
    ([0, 1, 2, 3, 4, 5, 6, 7], [])
    """
    if count < _LENGTH:
        return []
    largest = min(int(_FIRST_SKIP + epoch / _SKIP_EPOCHS), _MOST_SKIP)
    possible = count // _LENGTH - 1
    skip = draw.randint(min(possible, _FIRST_SKIP), min(possible, largest))
    places = np.linspace(0, _LENGTH * (skip + 1) - 1, _LENGTH).astype(int)
    return (places + draw.randint(0, count - int(places[-1]) - 1)).tolist()


def change_light(images: np.ndarray, draw: random.Random) -> np.ndarray:
    """Another contrast and brightness of a clip; what leaves 0..255 wraps, as in the original.

    Args:
        images: uint8 (frames, H, W, 3).
        draw: Draws.
    """
    factor, offset = draw.uniform(1 - _CONTRAST, 1 + _CONTRAST), draw.uniform(-_OFFSET, _OFFSET)
    return np.trunc(images * factor + offset).astype(np.int64).astype(np.uint8)


def _shrink(image: np.ndarray, mask: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Scale a frame to its short side."""
    factor = side / min(mask.shape)
    width, height = (math.ceil(factor * length) for length in mask.shape[::-1])
    return (
        cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR),
        cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST),
    )


def _choose_window(masks: list[np.ndarray], side: int, draw: random.Random) -> tuple[slice, slice]:
    """A square, the same in all frames, that shows object and background."""
    height, width = masks[0].shape
    rows, columns = min(side, height), min(side, width)
    for _ in range(_CROP_DRAWS):
        top, left = draw.randint(0, height - rows), draw.randint(0, width - columns)
        window = slice(top, top + rows), slice(left, left + columns)
        if len(np.unique([value for mask in masks for value in np.unique(mask[window])])) > 1:
            return window
    raise DataError("no crop shows object and background")


def _warp(
    image: np.ndarray, mask: np.ndarray, draw: random.Random
) -> tuple[np.ndarray, np.ndarray]:
    """Warp a frame on its own."""
    pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float()
    label, moved = deform(torch.from_numpy(np.ascontiguousarray(mask))[None], (pixels,), draw)
    return moved.round().byte().permute(1, 2, 0).numpy(), label[0].numpy()
