"""Run-length masks of the COCO file formats."""

from __future__ import annotations

from typing import Any, TypedDict

import numpy as np

from ltr.admin.errors import DataError

_FIRST_CHARACTER, _LAST_CHARACTER = 48, 111
_BITS, _SIGN, _CONTINUES, _MAX_DIGITS = 5, 16, 32, 8
_MAX_PIXELS = 1 << 28
_MAX_COORDINATE = 1 << 16
_MAX_OUTLINE = 1 << 22


class Rle(TypedDict):
    """The runs of a mask: ``size`` is [height, width], ``counts`` compressed run lengths."""

    size: list[int]
    counts: str | bytes


def encode(mask: np.ndarray) -> Rle:
    """Compress a mask.

    Args:
        mask: bool or uint8 (H, W), 0 or 1.

    Returns:
        ``{"size": [H, W], "counts": text}``, as stored in a JSON file.

    >>> encode(np.eye(2, dtype=bool))
    {'size': [2, 2], 'counts': '0120'}
    """
    from pycocotools import mask as coco

    rle = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(rle["size"]), "counts": counts_of(rle).decode()}


def counts_of(rle: Rle) -> bytes:
    """The compressed run lengths as bytes, however they are held."""
    counts = rle["counts"]
    return counts.encode() if isinstance(counts, str) else counts


def decode(rle: Rle) -> np.ndarray:
    """Restore a compressed mask, uint8 (H, W), 0 or 1."""
    from pycocotools import mask as coco

    return coco.decode(rle)


def as_rle(segmentation: Any, height: int, width: int) -> Rle | None:
    """Bring a segmentation into compressed form.

    Args:
        segmentation: Compressed or uncompressed run lengths, a list of polygons, or None.
        height: Height of the frame, pixels.
        width: Width of the frame, pixels.

    Returns:
        ``{"size": [height, width], "counts": bytes}``, None for None.

    Raises:
        DataError: It is none of these, damaged, or of another size.
    """
    from pycocotools import mask

    if segmentation is None:
        return None
    _check_frame(height, width)
    if isinstance(segmentation, list) and segmentation:
        # The stub knows whole coordinates only.
        polygons: Any = _checked_polygons(segmentation)
        return mask.merge(mask.frPyObjects(polygons, height, width))
    if not isinstance(segmentation, dict) or not {"size", "counts"} <= segmentation.keys():
        raise DataError(f"expected run lengths or polygons, got {str(segmentation)[:60]}")
    size, counts = segmentation["size"], segmentation["counts"]
    if size not in ([height, width], (height, width)):
        raise DataError(f"the mask is {str(size)[:60]}, the frame [{height}, {width}]")
    if isinstance(counts, list):
        numbers = _checked_numbers(counts, height * width)
        # The stub knows compressed counts only.
        uncompressed: Any = {"size": [height, width], "counts": numbers}
        return mask.frPyObjects(uncompressed, height, width)
    rle: Rle = {"size": [height, width], "counts": _checked_counts(counts)}
    _check_covered(count_pixels(rle), height * width)
    return rle


def count_pixels(rle: Rle) -> int:
    """Number of pixels that all runs cover, which must be that of the frame.

    The text codes numbers of five bits a character, the lowest first; from the fourth run on it
    holds the difference to the run before the last.

    >>> mask = as_rle({"size": [2, 3], "counts": [1, 2, 3]}, 2, 3)
    >>> count_pixels(mask)
    6
    """
    digits = np.frombuffer(counts_of(rle), np.uint8).astype(np.int64) - _FIRST_CHARACTER
    is_last = (digits & _CONTINUES) == 0
    starts = np.concatenate(([0], np.flatnonzero(is_last)[:-1] + 1))
    place = np.arange(len(digits)) - np.repeat(starts, np.diff(starts, append=len(digits)))
    if place.max() >= _MAX_DIGITS:
        raise DataError("the run lengths are damaged: a number is too long")
    values = np.add.reduceat((digits & (_CONTINUES - 1)) << (_BITS * place), starts)
    lengths = place[is_last] + 1
    is_negative = (digits[is_last] & _SIGN) != 0
    values[is_negative] -= 1 << (_BITS * lengths[is_negative])
    values[1::2], values[2::2] = np.cumsum(values[1::2]), np.cumsum(values[2::2])
    if values.min() < 0:
        raise DataError("the run lengths are damaged: one is negative")
    return int(values.sum())


def _check_frame(height: Any, width: Any) -> None:
    """Refuse sizes that are none, and those that only an attack has."""
    if not all(type(side) is int and side > 0 for side in (height, width)):
        raise DataError(f"a frame cannot be {height!r} x {width!r} pixels")
    if height * width > _MAX_PIXELS:
        raise DataError(f"the frame has {height}x{width} pixels, more than {_MAX_PIXELS}")


def _check_covered(pixels: int, expected: int) -> None:
    """The library writes beyond the mask, or never ends, where the runs do not fill the frame."""
    if pixels != expected:
        raise DataError(f"the runs cover {pixels} pixels, the frame has {expected}")


def _checked_polygons(polygons: list[Any]) -> list[list[float]]:
    for polygon in polygons:
        is_list = isinstance(polygon, list) and len(polygon) >= 6 and len(polygon) % 2 == 0
        if not is_list or not all(isinstance(value, int | float) for value in polygon):
            raise DataError(f"expected [x, y, x, y, x, y, ...], got {str(polygon)[:60]}")
        if not all(abs(value) <= _MAX_COORDINATE for value in polygon):
            raise DataError(f"the polygon {str(polygon)[:60]} leaves every frame")
        steps = np.abs(np.diff(np.reshape(polygon, (-1, 2)), axis=0, append=[polygon[:2]]))
        if steps.max(axis=1).sum() > _MAX_OUTLINE:  # the library keeps every pixel of an outline
            raise DataError(f"the polygon {str(polygon)[:60]} is longer than {_MAX_OUTLINE} pixels")
    return polygons


def _checked_numbers(counts: list[Any], pixels: int) -> list[int]:
    if not all(type(count) is int and count >= 0 for count in counts):
        raise DataError(f"expected run lengths >= 0, got {str(counts)[:60]}")
    _check_covered(sum(counts), pixels)
    return counts


def _checked_counts(counts: Any) -> bytes:
    """Refuse what would make the library read beyond the end of the text."""
    text = counts.encode(errors="surrogatepass") if isinstance(counts, str) else counts
    if not isinstance(text, bytes) or not text:
        raise DataError(f"expected run lengths as text, got {str(counts)[:60]!r}")
    is_known = min(text) >= _FIRST_CHARACTER and max(text) <= _LAST_CHARACTER
    if not is_known or (text[-1] - _FIRST_CHARACTER) & _CONTINUES:
        raise DataError(f"the run lengths {str(counts)[:40]!r} are damaged")
    return text
