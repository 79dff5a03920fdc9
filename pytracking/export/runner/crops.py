"""Cutting crops out of images, and pasting scores back, in NumPy; see ``joint/patch.py``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytracking.tracker.joint.geometry import (
    FirstWindow,
    SearchWindow,
    ieee_root,
    mean_ratio,
    split_padding,
    vector,
)

_OUTSIDE_SCORE = -100.0
_F32 = np.float32


def cut_window(
    image: np.ndarray, window: SearchWindow, output_size: Sequence[int], is_mask: bool
) -> np.ndarray:
    """Cut a window and resize it; masks to the nearest pixel, and zero outside the image.

    Args:
        image: float32 (C, H, W).
        window: What to cut.
        output_size: (height, width) of the result.
        is_mask: Whether it is a mask.
    """
    (row, column), step = window.offset, window.step
    image = image[..., row::step, column::step]
    height, width = image.shape[-2:]
    (top, left), (bottom, right) = window.top_left, window.bottom_right
    cut = _pad(image, (-left, right - width, -top, bottom - height), not is_mask)
    return _nearest(cut, output_size) if is_mask else bilinear(cut, output_size)


def cut_first_window(image: np.ndarray, plan: FirstWindow, is_mask: bool) -> np.ndarray:
    """Cut the crop of an object's first frame; arguments as ``cut_window``."""
    large = cut_window(image, plan.window, plan.resized, is_mask)
    return _pad(large, plan.padding, is_replicated=True)


def _pad(image: np.ndarray, padding: Sequence[int], is_replicated: bool) -> np.ndarray:
    """Pad left, right, top, bottom; negative values cut."""
    rows, columns, (left, right, top, bottom) = split_padding(padding, image.shape[-2:])
    image = image[..., rows, columns]
    sides = [(0, 0), (top, bottom), (left, right)]
    return np.pad(image, sides, mode="edge") if is_replicated else np.pad(image, sides)


def _nearest(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    places = [
        np.minimum((np.arange(new, dtype=_F32) * (_F32(old) / _F32(new))).astype(int), old - 1)
        for old, new in zip(image.shape[-2:], size, strict=True)
    ]
    return image[..., places[0][:, None], places[1]]


def bilinear(
    image: np.ndarray, size: Sequence[int], scales: Sequence[np.float32] | None = None
) -> np.ndarray:
    """Resize with half-pixel centres, as PyTorch does.

    Args:
        image: float32 (C, H, W).
        size: (height, width) of the result.
        scales: Pixels of the image per pixel of the result; by default the sizes' quotient.
    """
    if tuple(image.shape[-2:]) == tuple(size):
        return image
    for axis, new in ((-2, size[0]), (-1, size[1])):
        old = image.shape[axis]
        scale = _F32(old) / _F32(new) if scales is None else scales[axis]
        # PyTorch rounds once (a fused multiply-add); so does this, whose product is exact.
        centers = np.float64(scale) * (np.arange(new) + 0.5) - 0.5
        place = np.maximum(centers.astype(_F32), _F32(0))
        first = np.minimum(place.astype(int), old - 1)
        share = (place - first).astype(_F32)
        share = share[:, None] if axis == -2 else share
        after = np.minimum(first + 1, old - 1)
        image = image.take(first, axis) * (1 - share) + image.take(after, axis) * share
    return image


def paste_scores(
    scores: np.ndarray, coords: Sequence[int], image_size: Sequence[int]
) -> np.ndarray:
    """Resize scores of a crop to the image's scale and paste them at their place.

    Args:
        scores: (height, width) logits.
        coords: Top, left, bottom, right of the window in the image.
        image_size: (H, W).

    Returns:
        (H, W), -100 where the crop does not reach.
    """
    top, left, bottom, right = coords
    window = vector((bottom - top, right - left))
    factor = float(mean_ratio(window, vector(scores.shape), ieee_root))
    height, width = (int(side * factor) for side in scores.shape)
    inverse = _F32(1.0 / factor)
    resized = bilinear(scores[None], (height, width), (inverse, inverse))[0]
    row = int((top + bottom - 1) / 2 - 0.5 * height)
    column = int((left + right - 1) / 2 - 0.5 * width)
    result = np.full(tuple(image_size), _OUTSIDE_SCORE, _F32)
    y0, x0 = max(row, 0), max(column, 0)
    y1, x1 = min(row + height, image_size[0]), min(column + width, image_size[1])
    result[y0:y1, x0:x1] = resized[y0 - row : y1 - row, x0 - column : x1 - column]
    return result
