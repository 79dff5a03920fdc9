"""What generators of artificial pictures share."""

from __future__ import annotations

import cv2
import numpy as np


def texture(
    rng: np.random.Generator,
    height: int,
    width: int,
    cell: int = 60,
    low: int = 40,
    high: int = 216,
) -> np.ndarray:
    """Draw a smooth random colour picture.

    Args:
        rng: Gives the colours.
        height: Height of the picture in pixels, at least ``cell``.
        width: Width of the picture in pixels, at least ``cell``.
        cell: Distance between independent colours, pixels.
        low: Smallest value of a random colour.
        high: Largest value plus one; cubic interpolation goes a little beyond both.

    Returns:
        uint8 (height, width, 3).
    """
    coarse = rng.integers(low, high, (height // cell, width // cell, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def blend(below: np.ndarray, above: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Lay a picture over another.

    Args:
        below: uint8 (H, W, 3).
        above: uint8 (H, W, 3).
        opacity: float32 (H, W), 0..1, of ``above``.

    Returns:
        uint8 (H, W, 3).
    """
    x, y, width, height = cv2.boundingRect((opacity > 0).astype(np.uint8))
    part = np.s_[y : y + height, x : x + width]
    weight = opacity[part][..., None]
    result = below.copy()
    result[part] = np.rint(below[part] * (1 - weight) + above[part] * weight)
    return result
