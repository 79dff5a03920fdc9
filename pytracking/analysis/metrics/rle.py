"""Areas and overlaps of run-length masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ltr.data.rle import Rle


def areas(masks: Sequence[Rle]) -> np.ndarray:
    """Number of pixels of each mask, int64."""
    from pycocotools import mask

    return mask.area(list(masks)).astype(np.int64) if masks else np.zeros(0, np.int64)


def intersections(first: Sequence[Rle], second: Sequence[Rle]) -> np.ndarray:
    """Number of common pixels of every pair, int64 (first, second); all of one size."""
    from pycocotools import mask

    if not first or not second:
        return np.zeros((len(first), len(second)), np.int64)
    ratio = mask.iou(list(first), list(second), [0] * len(second))
    # The library gives r = i / (a + b - i) for all pairs at once; i is a whole number.
    total = areas(first)[:, None] + areas(second)[None]
    return np.rint(ratio / (1 + ratio) * total).astype(np.int64)


def overlaps(first: Sequence[Rle], second: Sequence[Rle], is_crowd: Sequence[bool]) -> np.ndarray:
    """Intersection over union, over the first mask's area where the second is a crowd."""
    from pycocotools import mask

    if not first or not second:
        return np.zeros((len(first), len(second)))
    return mask.iou(list(first), list(second), [int(flag) for flag in is_crowd])
