"""Colours of label maps (specification: upstream's result palette, DAVIS/VOC-like)."""

from __future__ import annotations

import numpy as np

VOID = 255  # label of pixels that belong to nothing

_RESULT_COLOURS = (
    (0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128),
    (0, 128, 128), (128, 128, 128), (64, 0, 0), (191, 0, 0), (64, 128, 0), (191, 128, 0),
    (64, 0, 128), (191, 0, 128), (64, 128, 128), (191, 128, 128), (0, 64, 0), (128, 64, 0),
    (0, 191, 0), (128, 191, 0), (0, 64, 128), (128, 64, 128),
)  # fmt: skip
NUM_RESULT_COLOURS = len(_RESULT_COLOURS)


def result_palette() -> np.ndarray:
    """Palette of written masks: 22 colours, then grey ``(i, i, i)``.

    Returns:
        uint8 (256, 3), RGB.

    >>> result_palette()[[1, 9, 22]].tolist()
    [[128, 0, 0], [191, 0, 0], [22, 22, 22]]
    """
    palette = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    palette[: len(_RESULT_COLOURS)] = _RESULT_COLOURS
    return palette


def pascal_palette() -> np.ndarray:
    """Colour map of PASCAL VOC and DAVIS: the bits of the label spread over the channels.

    Returns:
        uint8 (256, 3), RGB.

    >>> pascal_palette()[[1, 9, 22]].tolist()
    [[128, 0, 0], [192, 0, 0], [0, 192, 128]]
    """
    labels = np.arange(256)
    palette = np.zeros((256, 3), dtype=np.uint8)
    for bit in range(8):
        for channel in range(3):
            value = (labels >> (3 * bit + channel)) & 1
            palette[:, channel] |= (value << (7 - bit)).astype(np.uint8)
    return palette
