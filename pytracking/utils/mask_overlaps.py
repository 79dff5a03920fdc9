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
    ratio = np.asarray(mask.iou(list(first), list(second), [0] * len(second)))
    # The library gives r = i / (a + b - i) for all pairs at once; i is a whole number.
    total = areas(first)[:, None] + areas(second)[None]
    return np.rint(ratio / (1 + ratio) * total).astype(np.int64)


def overlaps(first: Sequence[Rle], second: Sequence[Rle], is_crowd: Sequence[bool]) -> np.ndarray:
    """Intersection over union, over the first mask's area where the second is a crowd."""
    from pycocotools import mask

    if not first or not second:
        return np.zeros((len(first), len(second)))
    return np.asarray(mask.iou(list(first), list(second), [int(flag) for flag in is_crowd]))


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
        is_paired = np.outer(_have_frame(first, frame), _have_frame(second, frame))
        inner, sizes = _compare_frame(first, second, frame)
        common += inner
        either += np.where(is_paired, sizes[0][:, None] + sizes[1][None] - inner, 0)
    return np.where(either > 0, common / np.maximum(either, 1), 0.0)


def _have_frame(videos: Sequence[Sequence[Rle | None]], frame: int) -> np.ndarray:
    """Which videos are that long, bool (videos,)."""
    return np.array([frame < len(masks) for masks in videos], bool)


def _compare_frame(
    first: Sequence[Sequence[Rle | None]], second: Sequence[Sequence[Rle | None]], frame: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Common pixels of every pair in one frame, and the areas of both sides."""
    rows, columns = _masks_of_frame(first, frame), _masks_of_frame(second, frame)
    common = np.zeros((len(first), len(second)), np.int64)
    common[np.ix_(list(rows), list(columns))] = intersections(
        list(rows.values()), list(columns.values())
    )
    sizes = [np.zeros(len(first), np.int64), np.zeros(len(second), np.int64)]
    for side, masks in zip(sizes, (rows, columns), strict=True):
        side[list(masks)] = areas(list(masks.values()))
    return common, sizes


def _masks_of_frame(videos: Sequence[Sequence[Rle | None]], frame: int) -> dict[int, Rle]:
    """The masks that videos have in a frame, by the position of the video."""
    masks = ((i, video[frame]) for i, video in enumerate(videos) if frame < len(video))
    return {i: mask for i, mask in masks if mask}
