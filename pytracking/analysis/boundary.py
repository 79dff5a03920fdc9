"""Boundary measure F: precision and recall of boundary pixels within a tolerance.

A pixel is a boundary pixel when its value differs from its right, lower or lower right neighbour;
beyond the last row and column the frame's edge is repeated, so the edge itself is no boundary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pytracking.analysis.bitmask import (
    Box,
    bounding_box,
    count_bits,
    dilate,
    pack,
    right_neighbours,
    words_of,
)

TOLERANCE = 0.008  # of the image diagonal, as in the DAVIS benchmark


def tolerance_radius(shape: tuple[int, int], tolerance: float = TOLERANCE) -> int:
    """How far a boundary pixel may lie off, in pixels.

    Args:
        shape: Height and width of the frame.
        tolerance: Below 1 a share of the diagonal, else pixels.

    >>> tolerance_radius((480, 854)), tolerance_radius((300, 400)), tolerance_radius((9, 9), 3)
    (8, 4, 3)
    """
    if tolerance >= 1:
        return int(tolerance)
    return math.ceil(tolerance * math.sqrt(shape[0] ** 2 + shape[1] ** 2))


def crop_to_objects(*maps: np.ndarray) -> tuple[np.ndarray, ...]:
    """Cut label maps to the common box of all objects, with the pixels that outlines need.

    Args:
        maps: Label maps of one size, (H, W).

    Returns:
        The maps from one pixel above and left of the objects to one pixel below and right of them,
        where the last row and column only serve as neighbours: they repeat the frame's edge where
        an object touches it.
    """
    height, width = maps[0].shape
    rows = np.flatnonzero(np.logical_or.reduce([labels.any(axis=1) for labels in maps]))
    if not rows.size:
        return tuple(labels[:0, :0] for labels in maps)
    top, bottom = max(int(rows[0]) - 1, 0), int(rows[-1]) + 1
    used = np.logical_or.reduce([labels[top:bottom].any(axis=0) for labels in maps])
    columns = np.flatnonzero(used)
    left, right = max(int(columns[0]) - 1, 0), int(columns[-1]) + 1
    parts = (labels[top : bottom + 1, left : right + 1] for labels in maps)
    if bottom < height and right < width:
        return tuple(parts)
    return tuple(_repeat_edge(part, bottom == height, right == width) for part in parts)


def _repeat_edge(part: np.ndarray, is_last_row: bool, is_last_column: bool) -> np.ndarray:
    height, width = part.shape
    extended = np.empty((height + is_last_row, width + is_last_column), part.dtype)
    extended[:height, :width] = part
    if is_last_column:
        extended[:height, width] = part[:, -1]
    if is_last_row:
        extended[height] = extended[height - 1]
    return extended


@dataclass(frozen=True)
class Patch:
    """Some pixels of a frame.

    Args:
        box: Where they lie in the packed frame.
        bits: uint64, the packed pixels inside the box.
    """

    box: Box
    bits: np.ndarray

    def count_common(self, other: Patch) -> int:
        """Number of pixels that both have."""
        common = self.box.overlap(other.box)
        return count_bits(self.within(common) & other.within(common))

    def within(self, box: Box) -> np.ndarray:
        """A view of the pixels of a smaller box."""
        top, left = self.box.top, self.box.left
        return self.bits[box.top - top : box.bottom - top, box.left - left : box.right - left]


class Outlines:
    """The boundaries of a label map's objects and their surroundings, each computed once.

    Args:
        labels: (H + 1, W + 1), from ``crop_to_objects``.
        areas: Number of pixels of every label, to skip what is absent.
        radius: How far the surroundings reach, in pixels.
    """

    def __init__(self, labels: np.ndarray, areas: Sequence[int], radius: int) -> None:
        self._labels = labels
        self._areas = areas
        self._radius = radius
        self._boundaries: dict[int, Patch | None] = {}
        self._surroundings: dict[int, Patch] = {}
        self.sizes: dict[int, int] = {}

    def boundary(self, object_id: int) -> Patch | None:
        """The boundary pixels of an object; None when it has none (absent, or the whole frame)."""
        if object_id not in self._boundaries:
            patch = self._trace(object_id)
            self.sizes[object_id] = count_bits(patch.bits) if patch else 0
            self._boundaries[object_id] = patch if self.sizes[object_id] else None
        return self._boundaries[object_id]

    def surroundings(self, object_id: int) -> Patch:
        """The pixels within the radius of a boundary that is not empty."""
        if object_id not in self._surroundings:
            boundary = self.boundary(object_id)
            box = boundary.box.grown(self._radius, self._packed_shape)
            canvas = np.zeros((box.bottom - box.top, box.right - box.left), np.uint64)
            Patch(box, canvas).within(boundary.box)[...] = boundary.bits
            self._surroundings[object_id] = Patch(box, dilate(canvas, self._radius))
        return self._surroundings[object_id]

    @property
    def _packed_shape(self) -> tuple[int, int]:
        height, width = self._labels.shape
        return height - 1, words_of(width)

    def _trace(self, object_id: int) -> Patch | None:
        if object_id >= len(self._areas) or not self._areas[object_id]:
            return None
        packed = pack(self._labels == object_id)
        box = bounding_box(packed).grown(1, packed.shape)
        part = packed[box.slices]
        beside = right_neighbours(part)
        any_set, all_set = part | beside, part & beside
        edge = (any_set[:-1] | any_set[1:]) & ~(all_set[:-1] & all_set[1:])
        edge &= _valid_columns(self._labels.shape[1])[box.left : box.right]
        return Patch(Box(box.top, box.bottom - 1, box.left, box.right), edge)


def f_measure(truth: Outlines, prediction: Outlines, truth_id: int, prediction_id: int) -> float:
    """Harmonic mean of the precision and recall of an object's boundary.

    Without any boundary pixel precision (recall) is 1, unless only the other one has any: then the
    other is 0. So a frame that is all object scores 1 against an empty one.
    """
    wanted, found = truth.boundary(truth_id), prediction.boundary(prediction_id)
    if wanted is None or found is None:
        return float(wanted is found)
    precision = found.count_common(truth.surroundings(truth_id)) / prediction.sizes[prediction_id]
    recall = wanted.count_common(prediction.surroundings(prediction_id)) / truth.sizes[truth_id]
    if precision + recall == 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)


@lru_cache(maxsize=64)
def _valid_columns(width: int) -> np.ndarray:
    """Bits of one packed row that are pixels: all of ``width`` but the last, a mere neighbour."""
    is_pixel = np.arange(width) < width - 1
    return pack(is_pixel[None])[0]
