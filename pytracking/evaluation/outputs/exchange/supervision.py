"""``supervision.Detections``: the objects of one frame, for its annotators and trackers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ltr.admin.errors import ConfigError, DataError
from ltr.data.palette import VOID
from pytracking.evaluation.outputs.exchange.labelled_video import (
    bounding_box,
    merged,
    object_ids,
)

if TYPE_CHECKING:
    import supervision


def to_detections(
    labels: np.ndarray, names: Mapping[int, str] | None = None
) -> supervision.Detections:
    """The objects of a label map as detections.

    Args:
        labels: uint8 (H, W), 0 = background, 255 = void.
        names: Names of objects by id, stored as ``class_name``.

    Returns:
        Detections with ``mask``, ``xyxy`` (pixels, the right and lower side outside), and the ids
        as ``tracker_id``.

    Raises:
        ConfigError: supervision is not installed.
    """
    try:
        import supervision
    except ImportError as error:
        raise ConfigError("supervision is not installed: pip install supervision") from error

    numbers = object_ids(labels)
    if not numbers:
        return supervision.Detections.empty()
    masks = np.stack([labels == number for number in numbers])
    boxes = [(x, y, x + width, y + height) for x, y, width, height in map(bounding_box, masks)]
    known = names or {}
    return supervision.Detections(
        xyxy=np.array(boxes, np.float32),
        mask=masks,
        tracker_id=np.array(numbers),
        data={"class_name": np.array([known.get(n) or f"object {n}" for n in numbers])},
    )


def from_detections(detections: supervision.Detections, shape: tuple[int, int]) -> np.ndarray:
    """The label map, uint8 (H, W), of detections with masks.

    Ids are those of ``tracker_id``, or else 1, 2, ... in order; where masks overlap, the later one
    is on top.

    Args:
        detections: Objects of one frame, with masks of its size.
        shape: (height, width) in pixels.

    Raises:
        DataError: They have no masks, or ids that a label map cannot hold.
    """
    count = len(detections)
    if not count:
        return np.zeros(shape, np.uint8)
    if detections.mask is None or detections.mask.shape[1:] != tuple(shape):
        raise DataError(f"the detections have no masks of {shape[1]}x{shape[0]} pixels")
    ids = detections.tracker_id
    numbers = range(1, count + 1) if ids is None else [int(number) for number in ids]
    if not all(0 < number < VOID for number in numbers):
        raise DataError(f"the detections have ids outside 1 to {VOID - 1}")
    return merged(shape, zip(numbers, detections.mask, strict=True))
