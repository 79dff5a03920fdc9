"""Small warps of a frame and its masks, as the programs for interactive segmentation draw them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torchvision.transforms.v2.functional as transform
from torchvision.transforms.v2 import InterpolationMode

_TRIES = 12
_CROP, _SCALE, _SHEAR, _ROTATION = 0.1, 0.1, 15.0, 25.0
_BILINEAR, _NEAREST = InterpolationMode.BILINEAR, InterpolationMode.NEAREST


def deform(
    label: torch.Tensor, pictures: Sequence[torch.Tensor], rng: random.Random
) -> list[torch.Tensor]:
    """Crop, scale, shear and rotate; neither the object nor the background may disappear.

    Args:
        label: (1, H, W); resampled to the nearest pixel.
        pictures: (C, H, W) each, warped alike, bilinear.
        rng: Draws.

    Returns:
        The label and the pictures; unchanged if no draw keeps all values of the label.
    """
    height, width = label.shape[-2:]
    for _ in range(_TRIES):
        warp = _Warp.draw(rng, (height, width))
        moved = warp.apply(label, _NEAREST)
        if len(moved.unique()) == len(label.unique()):
            return [moved, *(warp.apply(picture, _BILINEAR) for picture in pictures)]
    return [label, *pictures]


@dataclass(frozen=True)
class _Warp:
    size: tuple[int, int]
    crop: tuple[int, int, int, int]  # top, left, height, width
    angle: float
    scale: float
    shear: float

    @classmethod
    def draw(cls, rng: random.Random, size: tuple[int, int]) -> _Warp:
        height, width = size
        top, bottom = (round(rng.uniform(0, _CROP) * height) for _ in range(2))
        left, right = (round(rng.uniform(0, _CROP) * width) for _ in range(2))
        crop = top, left, height - top - bottom, width - left - right
        scale = rng.uniform(1 - _SCALE, 1 + _SCALE)
        shear, angle = rng.uniform(-_SHEAR, _SHEAR), rng.uniform(-_ROTATION, _ROTATION)
        return cls(size, crop, angle, scale, shear)

    def apply(self, values: torch.Tensor, mode: InterpolationMode) -> torch.Tensor:
        cut = transform.resized_crop(values, *self.crop, list(self.size), mode, antialias=False)
        return transform.affine(cut, self.angle, [0, 0], self.scale, [self.shear] * 2, mode)
