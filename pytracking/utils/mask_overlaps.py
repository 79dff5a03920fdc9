"""Areas and overlaps of run-length masks, of single frames and of whole videos."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

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


def video_overlaps(
    first: Sequence[Sequence[Rle | None]], second: Sequence[Sequence[Rle | None]]
) -> np.ndarray:
    """Intersection over union of whole videos: both are summed over the frames.

    A missing mask is empty; of two videos of different lengths the rest of the longer is left out.

    Args:
        first: Masks of each video, frame by frame.
        second: The other sequences, in the same form.

    Returns:
        float64 (first, second); 0 where both are empty.
    """
    common = np.zeros((len(first), len(second)), np.int64)
    either = np.zeros_like(common)
    for frame in range(max(map(len, chain(first, second)), default=0)):
        is_paired = np.outer(
            *([frame < len(masks) for masks in group] for group in (first, second))
        )
        inner, sizes = _compare_frame(first, second, frame)
        common += inner
        either += np.where(is_paired, sizes[0][:, None] + sizes[1][None] - inner, 0)
    return np.where(either > 0, common / np.maximum(either, 1), 0.0)


def _compare_frame(
    first: Sequence[Sequence[Rle | None]], second: Sequence[Sequence[Rle | None]], frame: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Common pixels of every pair in one frame, and the areas of both sides."""
    rows = [i for i, masks in enumerate(first) if frame < len(masks) and masks[frame]]
    columns = [i for i, masks in enumerate(second) if frame < len(masks) and masks[frame]]
    common = np.zeros((len(first), len(second)), np.int64)
    shown = [first[i][frame] for i in rows], [second[i][frame] for i in columns]
    common[np.ix_(rows, columns)] = intersections(*shown)
    sizes = [np.zeros(len(first), np.int64), np.zeros(len(second), np.int64)]
    sizes[0][rows], sizes[1][columns] = areas(shown[0]), areas(shown[1])
    return common, sizes
