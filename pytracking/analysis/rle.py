"""Run-length masks of the COCO file formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ltr.admin.errors import DataError

Rle = dict[str, Any]

_FIRST_CHARACTER, _LAST_CHARACTER, _CONTINUES = 48, 111, 32


def as_rle(segmentation: Any, height: int, width: int) -> Rle | None:
    """Bring a segmentation into compressed form.

    Args:
        segmentation: Compressed or uncompressed run lengths, a list of polygons, or None.
        height: Of the frame.
        width: Of the frame.

    Returns:
        ``{"size": [height, width], "counts": bytes}``, None for None.

    Raises:
        DataError: It is none of these, damaged, or of another size.
    """
    from pycocotools import mask

    if segmentation is None:
        return None
    if isinstance(segmentation, list) and segmentation:
        return mask.merge(mask.frPyObjects(_checked_polygons(segmentation), height, width))
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= segmentation.keys():
        raise DataError(f"expected run lengths or polygons, got {str(segmentation)[:60]}")
    if list(segmentation["size"]) != [height, width]:
        raise DataError(f"the mask is {segmentation['size']}, the frame [{height}, {width}]")
    counts = segmentation["counts"]
    if isinstance(counts, list):
        return mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return {"size": [height, width], "counts": _checked_counts(counts)}


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


def _checked_polygons(polygons: list[Any]) -> list[list[float]]:
    for polygon in polygons:
        is_list = isinstance(polygon, list) and len(polygon) >= 6 and len(polygon) % 2 == 0
        if not is_list or not all(isinstance(value, int | float) for value in polygon):
            raise DataError(f"expected [x, y, x, y, x, y, ...], got {str(polygon)[:60]}")
    return polygons


def _checked_counts(counts: Any) -> bytes:
    """Refuse what would make the library read beyond the end of the text."""
    text = counts.encode() if isinstance(counts, str) else counts
    if not isinstance(text, bytes) or not text:
        raise DataError(f"expected run lengths as text, got {str(counts)[:60]!r}")
    is_known = min(text) >= _FIRST_CHARACTER and max(text) <= _LAST_CHARACTER
    if not is_known or (text[-1] - _FIRST_CHARACTER) & _CONTINUES:
        raise DataError(f"the run lengths {str(counts)[:40]!r} are damaged")
    return text
