"""The prompt that comes with a frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ltr.data.bounding_boxes import Box


@dataclass(frozen=True)
class FrameInfo:
    """The prompt that comes with one frame: the objects that start in it.

    Args:
        object_ids: Ids (1..254) that start in this frame; empty on all other frames.
        mask: uint8 (H, W) label map in which these ids are drawn (other labels are ignored).
        boxes: Start box of an id; where one is missing it is taken from the mask as
            ``(xmin, ymin, xmax - xmin, ymax - ymin)``.
    """

    object_ids: tuple[int, ...] = ()
    mask: np.ndarray | None = None
    boxes: Mapping[int, Box] = field(default_factory=dict)
