"""Every pixel belongs to the object, or the background, whose mean colour is nearest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import as_box, box_of_mask
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker, Runtime, StateOfVideo


@dataclass(frozen=True)
class NearestColourParameters:
    """Parameters of the tracker; each can be changed with ``--set KEY=VALUE``.

    Args:
        reach: Largest distance between the colour of a pixel and that of its object, 0 to 442.
    """

    reach: float = 442.0


@dataclass
class _State:
    """All state of a video.

    Args:
        colours: Mean colour of every object by its id, float64 (3,) RGB; 0 is the background.
    """

    colours: dict[int, np.ndarray] = field(default_factory=dict)


class NearestColour(StateOfVideo[_State], OnlineTracker):
    """See the module.

    Args:
        params: Of a parameter file.
    """

    def __init__(self, params: NearestColourParameters) -> None:
        self.params = params

    @classmethod
    def create(cls, params: Any, runtime: Runtime) -> NearestColour:
        """See ``OnlineTracker.create``; there is no network to be loaded."""
        return cls(params)

    def initialize(self, image: np.ndarray, info: FrameInfo) -> FrameOutput:
        """See ``OnlineTracker.initialize``."""
        self.state = _State()
        self._start_objects(image, info)
        return self._segment(image)

    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> FrameOutput:
        """See ``OnlineTracker.track``."""
        if info is not None:
            self._start_objects(image, info)
        return self._segment(image)

    def _start_objects(self, image: np.ndarray, info: FrameInfo) -> None:
        if info.mask is None or info.mask.shape != image.shape[:2]:
            raise DataError("the mask is missing, or not as large as the frame")
        for number in info.object_ids:
            self.state.colours[number] = image[info.mask == number].mean(axis=0)
        self.state.colours.setdefault(0, image[info.mask == 0].mean(axis=0))

    def _segment(self, image: np.ndarray) -> FrameOutput:
        numbers = np.array(list(self.state.colours), np.uint8)
        colours = np.stack(list(self.state.colours.values()))
        distances = np.linalg.norm(image[:, :, None] - colours, axis=-1)
        labels = numbers[distances.argmin(axis=-1)]
        labels[distances.min(axis=-1) > self.params.reach] = 0
        boxes = {int(number): as_box(box_of_mask(labels == number)) for number in numbers if number}
        return FrameOutput(labels, boxes)
