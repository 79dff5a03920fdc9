"""Transforms by which a few products give many results of a convolution with three taps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Transforms(NamedTuple):
    """Matrices of Winograd's F(t, 3), float64; ``t`` results take ``s = t + 2`` products.

    Args:
        tile: Of s neighbouring values, (s, s).
        kernel: Of the three taps, (s, 3).
        result: Of s products, (t, s).
    """

    tile: np.ndarray
    kernel: np.ndarray
    result: np.ndarray


def toom_cook(points: Sequence[float]) -> Transforms:
    """Interpolate at ``t + 1`` points, and at infinity (Lavin and Gray, arXiv 1509.09308)."""
    results = len(points) - 1
    span = results + 2
    tile, kernel = np.zeros((span, span)), np.zeros((span, 3))
    for place, point in enumerate(points):
        others = np.delete(points, place)
        kernel[place] = point ** np.arange(3) / np.prod(point - others)
        tile[place, :-1] = np.poly(others)[::-1]
    kernel[-1, -1] = 1
    tile[-1] = np.poly(points)[::-1]
    result = np.vander([*points, 0], results, increasing=True).T
    result[:, -1] = np.arange(results) == results - 1
    return Transforms(tile, kernel, result)
