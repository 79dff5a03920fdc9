"""Label maps drawn over pictures."""

from __future__ import annotations

import colorsys
from functools import cache

import cv2
import numpy as np

from ltr.data.palette import pascal_palette

_FIRST_COLOURS = (
    (0, 0, 0), (255, 66, 66), (56, 214, 84), (255, 212, 0), (51, 140, 255), (236, 84, 236),
    (40, 216, 226), (255, 145, 30), (160, 110, 255), (170, 230, 40),
)  # fmt: skip
_GOLDEN_RATIO = 0.618034
_OUTLINE_SHARE = 1 / 240
_RESULT_ALPHA = 0.45


def overlay(
    image: np.ndarray,
    labels: np.ndarray,
    alpha: float = 0.5,
    colours: np.ndarray | None = None,
    outline: int = 0,
) -> np.ndarray:
    """Tint the objects of a picture.

    Args:
        image: uint8 (H, W, 3) RGB.
        labels: uint8 (H, W), 0 = not tinted.
        alpha: Weight of the picture, 0..1; the colour has the rest. Results are cut off, not
            rounded, as upstream does it.
        colours: uint8 (256, 3), colour of each label; default the PASCAL colour map.
        outline: Width in pixels of a full-colour line along the inner border of each object.

    Returns:
        uint8 (H, W, 3), a new picture.

    Raises:
        ValueError: ``labels`` and ``image`` differ in size.

    >>> overlay(np.full((1, 2, 3), 100, np.uint8), np.array([[0, 1]], np.uint8))[0].tolist()
    [[100, 100, 100], [114, 50, 50]]
    """
    if labels.shape != image.shape[:2]:
        raise ValueError(f"labels {labels.shape} do not fit the image {image.shape[:2]}")
    colours = pascal_palette() if colours is None else colours
    result = image.copy()
    inside = labels > 0
    tint = colours[labels[inside]]
    result[inside] = (image[inside] * alpha + tint * (1 - alpha)).astype(np.uint8)
    if outline:
        border = inner_border(labels, outline)
        result[border] = colours[labels[border]]
    return result


def blend(image: np.ndarray, labels: np.ndarray, alpha: float, colours: np.ndarray) -> np.ndarray:
    """Mix a picture with the colours of its labels, the background's included.

    Args:
        image: uint8 (H, W, 3) RGB.
        labels: uint8 (H, W).
        alpha: Weight of the picture, 0..1.
        colours: uint8 (256, 3).

    Returns:
        uint8 (H, W, 3), rounded.

    Raises:
        ValueError: ``labels`` and ``image`` differ in size.
    """
    if labels.shape != image.shape[:2]:
        raise ValueError(f"labels {labels.shape} do not fit the image {image.shape[:2]}")
    return cv2.addWeighted(image, alpha, colours[labels], 1 - alpha, 0)


def draw_result(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Tint and outline the objects in the colours of ``bright_palette``, as videos show them.

    Args:
        image: uint8 (H, W, 3) RGB.
        labels: uint8 (H, W), 0 = background.

    Returns:
        uint8 (H, W, 3), a new picture; the outline looks the same on frames of every size.
    """
    width = max(1, round(min(image.shape[:2]) * _OUTLINE_SHARE))
    return overlay(image, labels, _RESULT_ALPHA, bright_palette(), width)


def inner_border(labels: np.ndarray, width: int) -> np.ndarray:
    """The object pixels that lie at most ``width`` pixels from another label.

    Args:
        labels: uint8 (H, W).
        width: Width of the line in pixels, at least 1.

    Returns:
        bool (H, W).
    """
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    is_mixed = cv2.dilate(labels, square) != cv2.erode(labels, square)
    return is_mixed & (labels > 0)


@cache
def bright_palette() -> np.ndarray:
    """Colours that stand out on a video, in the order of hues of the mask palette.

    Returns:
        uint8 (256, 3), RGB; 0 is black, all others are light or saturated.

    >>> bright_palette()[:3].tolist()
    [[0, 0, 0], [255, 66, 66], [56, 214, 84]]
    """
    known = len(_FIRST_COLOURS)
    hues = (np.arange(known, 256) * _GOLDEN_RATIO) % 1.0
    further = [colorsys.hsv_to_rgb(hue, 0.75, 1.0) for hue in hues]
    palette = np.vstack([_FIRST_COLOURS, np.array(further) * 255]).astype(np.uint8)
    palette.flags.writeable = False  # all callers share it
    return palette
