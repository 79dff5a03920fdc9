"""What can be measured of a mask in its frame without knowing the object.

A mask of one piece whose outline follows an edge, with other colours inside than around it and with
probabilities near 0 and 1, is more often right than one without.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

MEASURES = (
    "confidence",  # overlap of soft and hard mask
    "certainty",  # distance of the outline's probabilities from a half
    "compactness",  # side of a square of the same area over the outline's length
    "solidity",  # of the convex hull
    "largest piece",  # of the area
    "holes",  # of the area without them
    "contrast",  # of mean colours on both sides of the outline
    "inside like around",  # likeness of the colours of the object and around it
    "rim like around",  # likeness of the colours on both sides of the outline
    "edge",  # brightness steps at the outline, relative to those around it
    "elongation",  # logarithm of width over height, without its sign
    "area",  # logarithm of the share of the frame
    "at the border",  # length of the frame's border that the object touches
)
_ROWS = 120  # to which frames are scaled
_LEAST = 8  # pixels; a smaller object is nowhere
_RING = 0.15  # width of the rings inside and outside, of the object's side
_IS_OBJECT = 0.5
_LEVELS = 8  # of each channel in a histogram


class _Region(NamedTuple):
    """A mask uint8 (H, W), 0 or 1, and what lies around its outline, bool (H, W).

    Args:
        mask: The object.
        outline: Pixels beside the border.
        inner: A ring inside.
        outer: A ring outside.
        side: Side of a square of the same area, pixels.
    """

    mask: np.ndarray
    outline: np.ndarray
    inner: np.ndarray
    outer: np.ndarray
    side: float


def measure_mask(image: np.ndarray, soft: np.ndarray) -> np.ndarray:
    """Measure one object in one frame.

    Args:
        image: uint8 (H, W, 3) RGB.
        soft: float (H, W), its probabilities.

    Returns:
        float32 (13,), in the order of ``MEASURES``; zeros for an object that is nowhere.
    """
    size = max(1, round(image.shape[1] * _ROWS / image.shape[0])), _ROWS
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    soft = cv2.resize(soft.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    mask = (soft > _IS_OBJECT).astype(np.uint8)
    if mask.sum() < _LEAST:
        return np.zeros(len(MEASURES), np.float32)
    region = _region(mask)
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    parts = *_certainty(soft, region), *_shape(region), *_look(lab, region), *_extent(region)
    return np.array(parts, np.float32)


def _region(mask: np.ndarray) -> _Region:
    side = float(np.sqrt(mask.sum()))
    radius = max(2, int(_RING * side))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    outline = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    inner, outer = mask > cv2.erode(mask, disc), cv2.dilate(mask, disc) > mask
    return _Region(mask, outline, inner, outer, side)


def _certainty(soft: np.ndarray, region: _Region) -> tuple[float, float]:
    overlap = np.minimum(soft, region.mask).sum() / np.maximum(soft, region.mask).sum()
    return overlap, float(np.abs(soft[region.outline] - _IS_OBJECT).mean())


def _shape(region: _Region) -> tuple[float, float, float, float]:
    mask, area = region.mask, region.side**2
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    hull = cv2.contourArea(cv2.convexHull(np.concatenate(contours)))
    pieces = cv2.connectedComponentsWithStats(mask)[2][1:, cv2.CC_STAT_AREA]
    filled = cv2.drawContours(np.zeros_like(mask), contours, -1, 1, -1).sum()
    length = max(1, int(region.outline.sum()))
    return region.side / length, area / max(hull, area), pieces.max() / area, 1 - area / filled


def _look(lab: np.ndarray, region: _Region) -> tuple[float, float, float, float]:
    values = lab.astype(np.float32)
    contrast = 0.0
    if region.outer.any():
        means = [values[part].mean(axis=0) for part in (region.inner, region.outer)]
        contrast = float(np.linalg.norm(means[0] - means[1]))
    inside, rim, around = (
        _histogram(lab, x) for x in (region.mask > 0, region.inner, region.outer)
    )
    steps = [cv2.Sobel(values, cv2.CV_32F, axis, 1 - axis) for axis in (0, 1)]
    slope = np.sqrt(sum((step**2).sum(axis=2) for step in steps))
    near = (region.mask > 0) | region.outer
    edge = slope[region.outline].mean() / (slope[near].mean() + 1)
    return contrast, _likeness(inside, around), _likeness(rim, around), float(edge)


def _histogram(lab: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Shares of the colours of some pixels."""
    levels = lab[part].astype(int) * _LEVELS // 256
    numbers = levels @ (_LEVELS**2, _LEVELS, 1)
    return np.bincount(numbers, minlength=_LEVELS**3) / max(1, len(numbers))


def _likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Bhattacharyya's coefficient, 0..1."""
    return float(np.sqrt(first * second).sum())


def _extent(region: _Region) -> tuple[float, float, float]:
    mask = region.mask
    _, _, width, height = cv2.boundingRect(mask)
    touching = sum(int(edge.sum()) for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    return abs(np.log(width / height)), np.log(mask.mean()), touching / region.side
