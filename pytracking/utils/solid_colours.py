"""Telling the colours of objects from those of smoothed, resized and compressed edges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import cv2
import numpy as np

_SQUARE = np.ones((3, 3), np.uint8)
# Largest difference between a colour and what compression makes of it, in any channel.
_NOISE = 24
# Largest difference within a square of one colour in a compressed picture.
_NOISE_OF_SQUARE = 6
_FEWEST_PIXELS = 9


def solid_pixels(colours: np.ndarray, is_compressed: bool) -> np.ndarray:
    """Where a square of three by three has one colour, bool (H, W).

    Args:
        colours: uint8 (H, W, 3).
        is_compressed: Whether a colour may vary a little, as in a JPEG.
    """
    spread: np.ndarray = cv2.dilate(colours, _SQUARE) - cv2.erode(colours, _SQUARE)
    limit = _NOISE_OF_SQUARE if is_compressed else 0
    is_even: np.ndarray = spread.max(axis=-1) <= limit
    return is_even


def main_colours(counts: Counter[tuple[int, int, int]]) -> np.ndarray:
    """The colours that others vary, the most frequent first, uint8 (colours, 3).

    Args:
        counts: Solid pixels of every colour.
    """
    main: list[tuple[int, int, int]] = []
    total: Counter[tuple[int, int, int]] = Counter()
    for colour, count in counts.most_common():
        near = next((known for known in main if _distance(known, colour) <= _NOISE), None)
        if near is None:
            main.append(colour)
        total[near or colour] += count
    kept = [colour for colour in main if total[colour] >= _FEWEST_PIXELS]
    return np.array(kept, np.uint8).reshape(-1, 3)


def nearest_main(
    colours: np.ndarray, main: np.ndarray, is_compressed: bool, ids: Sequence[int]
) -> np.ndarray:
    """Ids of a picture: solid pixels by colour, all others like the nearest solid one.

    Args:
        colours: uint8 (H, W, 3).
        main: uint8 (colours, 3).
        is_compressed: See ``solid_pixels``.
        ids: The id of every main colour.

    Returns:
        uint8 (H, W).
    """
    distances = np.stack([
        np.abs(colours.astype(np.int16) - colour).max(axis=-1) for colour in main.astype(np.int16)
    ])  # fmt: skip
    labels = np.array(ids, np.uint8)[distances.argmin(axis=0)]
    is_sure = solid_pixels(colours, is_compressed) & (distances.min(axis=0) <= _NOISE)
    if not is_sure.any():
        return labels
    _, nearest = cv2.distanceTransformWithLabels(
        (~is_sure).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(nearest.max()) + 1, np.uint8)
    table[nearest[is_sure]] = labels[is_sure]
    return table[nearest]


def is_near(colour: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two colours may be one."""
    return _distance(colour, other) <= _NOISE


def _distance(one: Sequence[int], other: Sequence[int]) -> int:
    return max(abs(int(a) - int(b)) for a, b in zip(one, other, strict=True))
