"""The result of an exported tracker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pytracking.tracker.frame_info import FrameInfo


@dataclass(frozen=True)
class ExportedOutput:
    """One frame.

    Args:
        segmentation: uint8 (H, W) label map, 0 = background.
        probabilities: float32 (1 + objects, H, W), background first, then the objects.
        object_ids: The objects, in the order in which they started.
    """

    segmentation: np.ndarray
    probabilities: np.ndarray
    object_ids: tuple[int, ...]


class ExportedTracker(Protocol):
    """Follows the objects of one video at a time, as an ``OnlineTracker`` does."""

    def initialize(self, image: np.ndarray, info: FrameInfo) -> ExportedOutput:
        """Begin a video; see ``OnlineTracker.initialize``."""

    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> ExportedOutput:
        """Segment the next frame; see ``OnlineTracker.track``."""


def label_map(scores: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """The label with the largest score, the first of equal ones.

    Args:
        scores: (labels, H, W).
        labels: Label of each map.

    Returns:
        uint8 (H, W).
    """
    return np.array(labels, np.uint8)[scores.argmax(axis=0)]
