"""Masks packed into bits: 64 pixels of a row are handled by one machine instruction.

A packed mask is uint64 ``(rows, words)``; pixel x of a row is bit ``x % 64`` of word ``x // 64``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

WORD = 64
_HAS_BITWISE_COUNT = hasattr(np, "bitwise_count")  # NumPy 2


@dataclass(frozen=True)
class Box:
    """A part of a packed mask: rows ``top`` to ``bottom - 1``, words ``left`` to ``right - 1``."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of this part."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

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


def pack(mask: np.ndarray) -> np.ndarray:
    """Pack a mask.

    Args:
        mask: bool (H, W).

    Returns:
        uint64 (H, words).
    """
    height, width = mask.shape
    packed = np.zeros((height, words_of(width) * WORD // 8), np.uint8)
    rows = np.packbits(mask, axis=1, bitorder="little")
    packed[:, : rows.shape[1]] = rows
    return packed.view("<u8").astype(np.uint64, copy=False)


def words_of(pixels: int) -> int:
    """Number of words that hold so many pixels."""
    return -(-pixels // WORD)


def count_bits(words: np.ndarray) -> int:
    """Number of set bits."""
    if _HAS_BITWISE_COUNT:
        return int(np.bitwise_count(words).sum(dtype=np.int64))
    return int.from_bytes(words.tobytes(), "little").bit_count()


def bounding_box(packed: np.ndarray) -> Box:
    """The smallest part of a packed mask, not empty, that holds all set bits."""
    rows = np.flatnonzero(packed.any(axis=1))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(packed[top:bottom].any(axis=0))
    return Box(top, bottom, int(columns[0]), int(columns[-1]) + 1)


def right_neighbours(packed: np.ndarray) -> np.ndarray:
    """Move every pixel one place towards the start of its row."""
    moved = packed >> np.uint64(1)
    moved[:, :-1] |= packed[:, 1:] << np.uint64(WORD - 1)
    return moved


def dilate(packed: np.ndarray, radius: int) -> np.ndarray:
    """Dilate by the disk ``dy^2 + dx^2 <= radius^2``; outside the array nothing is set.

    The disk is a stack of horizontal runs: rows are widened once for each length of run, then
    moved up and down.

    Args:
        packed: uint64 (rows, words).
        radius: In pixels.

    Returns:
        The same shape.
    """
    rows, words = packed.shape
    # Rows are shifted as one long number: the spare words keep them from reaching their neighbours.
    current = np.zeros((rows, words + words_of(radius)), np.uint64)
    current[:, :words] = packed
    half_widths, lengths = _runs_of_disk(radius)
    widened, width = {0: current}, 0
    for length in lengths:
        while width < length:
            step = min(length - width, 2 * width + 1, WORD - 1)
            current = current | _towards_start(current, step) | _towards_end(current, step)
            width += step
        widened[length] = current
    dilated = widened[radius].copy()
    for distance, length in enumerate(half_widths[1:], start=1):
        dilated[distance:] |= widened[length][:-distance]
        dilated[:-distance] |= widened[length][distance:]
    return dilated[:, :words]


@lru_cache(maxsize=64)
def _runs_of_disk(radius: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Half width of the disk's run in each row from the centre on, and the different ones."""
    half_widths = tuple(math.isqrt(radius**2 - dy**2) for dy in range(radius + 1))
    return half_widths, tuple(sorted(set(half_widths)))


def _towards_start(packed: np.ndarray, step: int) -> np.ndarray:
    """Pixel x becomes pixel ``x - step``; contiguous input, ``0 < step < 64``."""
    words = packed.reshape(-1)
    moved = words >> np.uint64(step)
    moved[:-1] |= words[1:] << np.uint64(WORD - step)
    return moved.reshape(packed.shape)


def _towards_end(packed: np.ndarray, step: int) -> np.ndarray:
    """Pixel x becomes pixel ``x + step``; contiguous input, ``0 < step < 64``."""
    words = packed.reshape(-1)
    moved = words << np.uint64(step)
    moved[1:] |= words[:-1] >> np.uint64(WORD - step)
    return moved.reshape(packed.shape)
