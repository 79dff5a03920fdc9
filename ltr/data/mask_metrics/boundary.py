"""Boundary measure F: precision and recall of boundary pixels within a tolerance.

A pixel is a boundary pixel when its value differs from its right, lower or lower right neighbour;
beyond the last row and column the frame's edge is repeated, so the edge itself is not a boundary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ltr.data.mask_metrics.bitmask import (
    WORD,
    Box,
    bounding_box,
    count_bits,
    dilate,
    pack_labels,
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
        maps: Label maps of one size, uint8 (H, W).

    Returns:
        The maps from one pixel above and left of the objects to one pixel below and right of them,
        where the last row and column only serve as neighbours: they repeat the frame's edge where
        an object touches it.
    """
    height, width = maps[0].shape
    rows, columns = _occupied(maps)
    if not rows.size:
        return tuple(labels[:0, :0] for labels in maps)
    top, bottom = max(int(rows[0]) - 1, 0), int(rows[-1]) + 1
    left, right = max(int(columns[0]) - 1, 0), int(columns[-1]) + 1
    parts = (labels[top : bottom + 1, left : right + 1] for labels in maps)
    if bottom < height and right < width:
        return tuple(parts)
    return tuple(_repeat_edge(part, bottom == height, right == width) for part in parts)


def _occupied(maps: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns in which at least one map has a label; eight pixels are tested at once."""
    height, width = maps[0].shape
    merged = np.zeros((height, words_of(width) * WORD), np.uint8)
    pixels = merged[:, :width]
    np.bitwise_or(maps[0], maps[-1], out=pixels)
    for labels in maps[1:-1]:
        pixels |= labels
    groups = merged.view(np.uint64)
    rows = np.flatnonzero(groups.any(axis=1))
    columns = np.bitwise_or.reduce(groups, axis=0).view(np.uint8).nonzero()[0]
    return rows, columns


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
class Outline:
    """The boundary of a mask and its surroundings, inside a box of the packed frame.

    Args:
        box: The part of the frame.
        edge: The boundary pixels, uint64 (rows, words).
        near: The pixels within the tolerance of the boundary, uint64 (rows, words).
        size: Number of boundary pixels.
    """

    box: Box
    edge: np.ndarray
    near: np.ndarray
    size: int

    def share_near(self, other: Outline) -> float:
        """Share of the boundary pixels that lie near the other boundary."""
        if self.box == other.box:
            common = self.edge & other.near
        else:
            box = self.box.overlap(other.box)
            common = self.edge[box.within(self.box)] & other.near[box.within(other.box)]
        return int(count_bits(common[None])[0]) / self.size


def trace(maps: Sequence[np.ndarray], labels: Sequence[int], radius: int) -> list[Outline | None]:
    """Find the boundary and the surroundings of one object in each of some maps, all in one box.

    Args:
        maps: Label maps from ``crop_to_objects``, (H + 1, W + 1).
        labels: The object in each map, present there.
        radius: How far the surroundings reach, in pixels.

    Returns:
        One outline per map; None when there is no boundary (the object is the whole frame).
    """
    packed = pack_labels(maps, labels)
    box = bounding_box(packed).grown(radius + 1, packed.shape[1:])
    part = packed[:, box.top : box.bottom, box.left : box.right]
    beside = right_neighbours(part)
    any_set, all_set = part | beside, part & beside
    edges = any_set[:, :-1] | any_set[:, 1:]
    edges &= ~(all_set[:, :-1] & all_set[:, 1:])
    edges &= _pixel_columns(maps[0].shape[1])[box.left : box.right]
    sizes = count_bits(edges).tolist()
    near = dilate(edges, radius)
    box = replace(box, bottom=box.top + edges.shape[1])
    return [
        Outline(box, edge, surroundings, size) if size else None
        for edge, surroundings, size in zip(edges, near, sizes, strict=True)
    ]


def f_measure(wanted: Outline | None, found: Outline | None) -> float:
    """Harmonic mean of the precision and recall of a boundary; None = no boundary pixel.

    Without any boundary pixel precision (recall) is 1, unless only the other one has any: then the
    other is 0. So a frame that is all object scores 1 against an empty one.
    """
    if wanted is None or found is None:
        return float(wanted is found)
    precision, recall = found.share_near(wanted), wanted.share_near(found)
    if precision + recall == 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)


@lru_cache(maxsize=64)
def _pixel_columns(width: int) -> np.ndarray:
    """Bits of one packed row that are pixels: all of ``width`` but the last, a mere neighbour."""
    is_pixel = np.arange(width)[None] < width - 1
    return pack_labels([is_pixel], [True])[0, 0]
