"""Checks of what comes with a frame, the same for all trackers that take masks."""

from __future__ import annotations

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.palette import VOID
from pytracking.tracker.frame_info import FrameInfo


def check_frame(
    image: np.ndarray, info: FrameInfo, image_size: tuple[int, int], running: set[int]
) -> None:
    """Refuse a frame that does not fit the video, or objects that cannot start in it.

    Args:
        image: uint8 (H, W, 3).
        info: Objects that start in this frame.
        image_size: (H, W) of the video's first frame.
        running: Ids of the objects that started before.

    Raises:
        DataError: Says what does not fit.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise DataError(f"a frame must be uint8 (H, W, 3), got {image.dtype} {image.shape}")
    if image.shape[:2] != image_size:
        raise DataError(f"frames change size: {_size(image_size)}, now {_size(image.shape)}")
    if not info.object_ids:
        return
    if info.mask is None:
        raise DataError("objects start in this frame, but no mask is given")
    if info.mask.shape != image_size:
        raise DataError(
            f"the mask is {_size(info.mask.shape)}, but the frame is {_size(image_size)}"
        )
    for number in info.object_ids:
        if not 0 < number < VOID:
            raise DataError(f"object ids must lie between 1 and {VOID - 1}, got {number}")
        if number in running:
            raise DataError(f"object {number} has already started in an earlier frame")
        if not (info.mask == number).any():
            raise DataError(f"object {number} has no pixel in the mask that starts it")


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
