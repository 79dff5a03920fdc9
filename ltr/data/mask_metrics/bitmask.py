"""Masks packed into bits: 64 pixels of a row are handled by one machine instruction.

A packed mask is uint64 ``(rows, words)``; pixel x of a row is bit ``x % 64`` of word ``x // 64``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

WORD = 64
_ONE = np.uint64(1)
_HAS_BITWISE_COUNT = hasattr(np, "bitwise_count")  # NumPy 2


@dataclass(frozen=True)
class Box:
    """A part of a packed mask: rows ``top`` to ``bottom - 1``, words ``left`` to ``right - 1``."""

    top: int
    bottom: int
    left: int
    right: int

    def within(self, outer: Box) -> tuple[slice, slice]:
        """Index of this part in the array of a larger one."""
        return (
            slice(self.top - outer.top, self.bottom - outer.top),
            slice(self.left - outer.left, self.right - outer.left),
        )

    def grown(self, pixels: int, shape: tuple[int, int]) -> Box:
        """Add ``pixels`` on each side, whole words along the row, inside ``shape``."""
        words = words_of(pixels)
        return Box(
            max(self.top - pixels, 0),
            min(self.bottom + pixels, shape[0]),
            max(self.left - words, 0),
            min(self.right + words, shape[1]),
        )

    def overlap(self, other: Box) -> Box:
        """The common part; without extent where there is none."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        return Box(
            top,
            max(top, min(self.bottom, other.bottom)),
            left,
            max(left, min(self.right, other.right)),
        )


def pack_labels(maps: Sequence[np.ndarray], labels: Sequence[int]) -> np.ndarray:
    """Pack the pixels of one label from each of some label maps.

    Args:
        maps: Label maps of one size, uint8 (H, W).
        labels: One a map.

    Returns:
        uint64 (maps, H, words).
    """
    height, width = maps[0].shape
    words = words_of(width)
    masks = np.zeros((len(maps), height, words * WORD), bool)
    for mask, values, label in zip(masks, maps, labels, strict=True):
        np.equal(values, label, out=mask[:, :width])
    packed = np.packbits(masks.reshape(-1), bitorder="little").view("<u8")
    return packed.astype(np.uint64, copy=False).reshape(len(maps), height, words)


def words_of(pixels: int) -> int:
    """Number of words that hold so many pixels."""
    return -(-pixels // WORD)


def count_bits(words: np.ndarray) -> np.ndarray:
    """Number of set bits of each mask, int64 (masks,)."""
    if _HAS_BITWISE_COUNT:
        return np.bitwise_count(words).sum(axis=(1, 2), dtype=np.int64)
    return np.array([int.from_bytes(mask.tobytes(), "little").bit_count() for mask in words])


def bounding_box(packed: np.ndarray) -> Box:
    """The smallest part that holds all set bits of masks that are not all empty."""
    merged = np.bitwise_or.reduce(packed, axis=0)
    rows = merged.any(axis=1).nonzero()[0]
    columns = merged.any(axis=0).nonzero()[0]
    return Box(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def right_neighbours(packed: np.ndarray) -> np.ndarray:
    """Move every pixel one place towards the start of its row."""
    moved = packed >> _ONE
    moved[..., :-1] |= packed[..., 1:] << np.uint64(WORD - 1)
    return moved


def dilate(packed: np.ndarray, radius: int) -> np.ndarray:
    """Dilate by the disk ``dy^2 + dx^2 <= radius^2``; outside the array nothing is set.

    The disk is a stack of horizontal runs: rows are widened once for each length of run, then
    moved up and down.

    Args:
        packed: uint64 (masks, rows, words).
        radius: Radius of the disk, pixels.

    Returns:
        The same shape.
    """
    count, rows, words = packed.shape
    # Rows are shifted as one long number: the spare words keep them from reaching their neighbours.
    current = np.zeros((count, rows, words + words_of(radius)), np.uint64)
    current[:, :, :words] = packed
    half_widths, lengths = _runs_of_disk(radius)
    widened, width = {0: current}, 0
    for length in lengths:
        while width < length:
            step = min(length - width, 2 * width + 1, WORD - 1)
            current = _widen(current, step)
            width += step
        widened[length] = current
    dilated = widened[radius].copy()
    for distance, length in enumerate(half_widths[1:], start=1):
        dilated[:, distance:] |= widened[length][:, :-distance]
        dilated[:, :-distance] |= widened[length][:, distance:]
    return dilated[:, :, :words]


@lru_cache(maxsize=64)
def _runs_of_disk(radius: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Half width of the disk's run in each row from the centre on, and the different ones."""
    half_widths = tuple(math.isqrt(radius**2 - dy**2) for dy in range(radius + 1))
    return half_widths, tuple(sorted(set(half_widths)))


def _widen(packed: np.ndarray, step: int) -> np.ndarray:
    """Set what lies ``step`` pixels left or right of a set pixel; ``0 < step < 64``."""
    words = packed.reshape(-1)
    near, far = np.uint64(step), np.uint64(WORD - step)
    wide = words << near
    wide |= words
    wide |= words >> near
    wide[1:] |= words[:-1] >> far
    wide[:-1] |= words[1:] << far
    return wide.reshape(packed.shape)
