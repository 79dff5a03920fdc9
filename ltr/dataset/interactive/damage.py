"""Label maps as a network would have predicted them: moved, scaled and turned a little."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from ltr.data.palette import VOID
from ltr.data.randomness import Generators

_SHIFT = 0.05  # of the root of the extent's area
_SCALE = 0.025
_DEGREES = 3.0
_SQUARE, _TURN, _FACTORS = (10, 15), (5.0, 15.0), (0.8, 1.0, 1.2)


def damage_labels(labels: np.ndarray, random: Generators) -> np.ndarray:
    """Damage every object on its own, in random order; later ones cover earlier ones.

    Args:
        labels: uint8 (H, W) label map.
        random: Draws.
    """
    return _each_object(labels, random, _damage)


def spoil_labels(labels: np.ndarray, random: Generators) -> np.ndarray:
    """Damage every object heavily, in random order; later ones cover earlier ones.

    Each is opened or closed by a square, turned about the frame's centre and scaled.

    Args:
        labels: uint8 (H, W) label map.
        random: Draws.
    """
    return _each_object(labels, random, _spoil)


def _each_object(
    labels: np.ndarray,
    random: Generators,
    change: Callable[[np.ndarray, Generators], np.ndarray],
) -> np.ndarray:
    """Change the mask, bool (H, W), of every object on its own, in random order."""
    numbers = [int(number) for number in np.unique(labels) if number not in (0, VOID)]
    random.python.shuffle(numbers)
    changed = np.zeros_like(labels)
    for number in numbers:
        changed[change(labels == number, random)] = number
    return changed


def _spoil(mask: np.ndarray, random: Generators) -> np.ndarray:
    draw, (height, width) = random.python, mask.shape
    side = draw.randint(*_SQUARE)
    how = draw.choice((cv2.MORPH_OPEN, cv2.MORPH_CLOSE))
    pixels = cv2.morphologyEx(mask.astype(np.uint8), how, np.ones((side, side), np.uint8))
    low, high = _TURN
    degrees = draw.choice((draw.uniform(low, high), draw.uniform(-high, -low), 0.0))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, draw.choice(_FACTORS))
    return cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_NEAREST) > 0


def _damage(mask: np.ndarray, random: Generators) -> np.ndarray:
    """Shift, scale and turn a mask that is not empty, bool (H, W).

    As in the released code, scaling is about the point at half the extent of the object, counted
    from the frame's corner.
    """
    draw, (height, width) = random.python, mask.shape
    rows, columns = np.nonzero(mask)
    extent = int(rows.max() - rows.min()), int(columns.max() - columns.min())
    reach = _SHIFT * math.sqrt(extent[0] * extent[1])
    shift = np.array([[1, 0, draw.uniform(-reach, reach)], [0, 1, draw.uniform(-reach, reach)]])
    pixels: np.ndarray = mask.astype(np.float32)
    pixels = cv2.warpAffine(pixels, shift, (width, height), flags=cv2.INTER_NEAREST)
    factor = draw.uniform(1 - _SCALE, 1 + _SCALE)
    scale = cv2.getRotationMatrix2D((extent[1] / 2, extent[0] / 2), 0.0, factor)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), draw.uniform(-_DEGREES, _DEGREES), 1.0)
    for matrix in (scale, turn):
        pixels = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR)
    return pixels > 0.5
