"""Cutting the surroundings of a box out of an image and its mask.

Pixel coordinates count from the left upper pixel; a window ``[left, left + width)`` names whole
pixels and may stick out of the image. What lies outside is filled with the border pixels in images
and with 0 in masks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from ltr.admin.errors import DataError

CropMode = Literal["replicate", "inside", "inside_major"]


@dataclass(frozen=True)
class Window:
    """A rectangle of whole pixels.

    Args:
        left: First column, may be negative.
        top: First row, may be negative.
        width: Number of columns.
        height: Number of rows.
    """

    left: int
    top: int
    width: int
    height: int

    def move_box(self, box: np.ndarray, output_size: tuple[int, int]) -> np.ndarray:
        """A box (4,) of the image in the coordinates of this window resized to (width, height)."""
        scale = np.array([output_size[0] / self.width, output_size[1] / self.height], np.float32)
        corner = np.array([self.left, self.top], np.float32)
        return np.concatenate([(box[:2] - corner) * scale, box[2:] * scale]).astype(np.float32)


def target_window(
    image_size: tuple[int, int],
    box: np.ndarray,
    search_area_factor: float,
    output_size: tuple[int, int],
    mode: CropMode,
    max_scale_change: float | None = None,
) -> Window:
    """Place a window around a box: of the output's shape, ``search_area_factor`` times as large.

    Args:
        image_size: Width and height of the image.
        box: (4,), the target.
        search_area_factor: Square root of the window's area over the box's.
        output_size: Width and height to which the window will be resized.
        mode: ``inside`` shrinks the window until it fits into the image, ``inside_major`` until one
            side fits; ``replicate`` does not shrink it.
        max_scale_change: Largest factor by which it may be shrunk.

    Raises:
        DataError: The box is so small that nothing is left.
    """
    shape = np.array(output_size, dtype=np.float32)
    area = np.prod(box[2:], dtype=np.float32).clip(min=0.0)
    scaled = shape * np.sqrt(area / shape.prod()) * np.float32(search_area_factor)
    sides = [math.ceil(side) for side in scaled.tolist()]
    if mode != "replicate":
        excess = [side / limit for side, limit in zip(sides, image_size, strict=True)]
        shrink = max(excess) if mode == "inside" else min(excess)
        shrink = min(max(1.0, shrink), max_scale_change or math.inf)
        sides = [math.floor(side / shrink) for side in sides]
    if min(sides) < 1:
        raise DataError(f"the target's box {box.tolist()} is too small to be cropped")
    left, top = (
        _start(float(box[i]) + 0.5 * float(box[i + 2]), sides[i], image_size[i]) for i in (0, 1)
    )
    return Window(left, top, sides[0], sides[1])


def _start(centre: float, side: int, limit: int) -> int:
    """First pixel of one side: shifted into the image, or centred where it is larger."""
    start = round(centre - 0.5 * side)
    start += max(0, -start) + min(0, limit - (start + side))
    outside = (max(0, -start) + max(0, start + side - limit)) // 2
    return -outside if outside > 0 else start


def crop_image(image: np.ndarray, window: Window, output_size: tuple[int, int]) -> np.ndarray:
    """Cut a window out of an image, (H, W, 3), and resize it bilinearly to (width, height)."""
    rows, columns, pads = _inside(image.shape[:2], window)
    part = np.ascontiguousarray(image[rows, columns])
    if any(pads):
        part = cv2.copyMakeBorder(part, *pads, cv2.BORDER_REPLICATE)
    return cv2.resize(part, output_size)


def crop_mask(
    mask: np.ndarray, window: Window, output_size: tuple[int, int], is_smooth: bool = False
) -> np.ndarray:
    """Cut a window out of a mask, (H, W), and resize it to (width, height).

    Args:
        mask: Any type; float if ``is_smooth``.
        window: May stick out of the mask.
        output_size: Width and height.
        is_smooth: Interpolate bilinearly instead of taking the nearest pixel.
    """
    rows, columns, pads = _inside(mask.shape, window)
    part = np.pad(mask[rows, columns], (pads[:2], pads[2:]))
    if is_smooth:
        return cv2.resize(part, output_size)
    nearest_rows = _nearest(window.height, output_size[1])
    nearest_columns = _nearest(window.width, output_size[0])
    return part.take(nearest_rows, axis=0).take(nearest_columns, axis=1)


def _inside(
    shape: tuple[int, int], window: Window
) -> tuple[slice, slice, tuple[int, int, int, int]]:
    """The part of a window inside the image, and the pixels missing above, below, left, right."""
    rows, above, below = _clip(window.top, window.height, shape[0])
    columns, left, right = _clip(window.left, window.width, shape[1])
    return rows, columns, (above, below, left, right)


def _clip(start: int, length: int, limit: int) -> tuple[slice, int, int]:
    """Cut one side at the image's border.

    The far side loses one pixel too many as soon as the window touches the border: upstream's
    formula, with which the published networks were trained.
    """
    end = start + length
    before, after = max(0, -start), max(end - limit + 1, 0)
    return slice(start + before, end - after), before, after


def _nearest(length: int, output_length: int) -> np.ndarray:
    """Source index of every output pixel, as PyTorch's nearest interpolation computes it."""
    scale = np.float32(length) / np.float32(output_length)
    positions = np.floor(np.arange(output_length, dtype=np.float32) * scale)
    return np.minimum(positions.astype(np.int64), length - 1)
