"""Copy the last mask, or warp it along the optical flow (Kroeger et al., ECCV 2016)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import NO_BOX, Box
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker, Runtime, StateOfVideo
from pytracking.tracker.baseline.parameters import BaselineParameters

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


@dataclass
class BaselineState:
    """What is remembered of one video.

    Args:
        labels: uint8 (H, W), the last result.
        grey: uint8 (H, W), the last frame; only the flow needs it.
        boxes: Last box of every object, in the order in which they started.
    """

    labels: np.ndarray
    grey: np.ndarray | None = None
    boxes: dict[int, Box] = field(default_factory=dict)


class Baseline(StateOfVideo[BaselineState], OnlineTracker):
    """A tracker without a network; an object that has vanished keeps its last box.

    Args:
        params: Which of the two baselines.
    """

    def __init__(self, params: BaselineParameters) -> None:
        self.params = params
        self._flow = cv2.DISOpticalFlow.create(_PRESETS[params.flow_preset])

    @classmethod
    def create(cls, params: BaselineParameters, runtime: Runtime) -> Baseline:
        """Build the tracker; it always computes on the CPU."""
        return cls(params)

    def initialize(self, image: np.ndarray, info: FrameInfo) -> FrameOutput:
        """Begin a new video."""
        self.state = BaselineState(np.zeros(image.shape[:2], np.uint8))
        return self.track(image, info)

    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> FrameOutput:
        """Carry the last result into this frame and add the objects that start in it."""
        state = self.state
        if self.params.method == "optical_flow":
            grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
            if state.grey is not None:
                # OpenCV's stubs forget that the call can allocate its result.
                flow = self._flow.calc(grey, state.grey, None)  # type: ignore[call-overload]
                state.labels = _warp(state.labels, flow)
            state.grey = grey
        if info is not None:
            state.labels = _with_new_objects(state.labels, info)
            state.boxes |= dict.fromkeys(info.object_ids, NO_BOX)
        return self._output()

    def correct(
        self, image: np.ndarray, info: FrameInfo, is_remembered: bool = False
    ) -> FrameOutput:
        """See ``OnlineTracker.correct``."""
        if info.mask is not None:
            self.state.labels = np.where(
                np.isin(info.mask, list(self.state.boxes)), info.mask, 0
            ).astype(np.uint8)
        return self._output()

    def remove(self, object_id: int) -> None:
        """See ``OnlineTracker.remove``."""
        state = self.state
        if state.boxes.pop(object_id, None) is None:
            raise DataError(f"object {object_id} is not followed")
        state.labels = np.where(state.labels == object_id, 0, state.labels).astype(np.uint8)
        if not state.boxes:
            self._state = None

    def _output(self) -> FrameOutput:
        state = self.state
        output = FrameOutput.of_labels(state.labels.copy())
        state.boxes |= output.boxes
        return replace(output, boxes=dict(state.boxes))


def _warp(labels: np.ndarray, backward_flow: np.ndarray) -> np.ndarray:
    """Take every pixel's label from where the flow says that it was.

    Args:
        labels: uint8 (H, W), the last result.
        backward_flow: float32 (H, W, 2), pixels (x, y) from this frame into the last one.
    """
    height, width = labels.shape
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height))
    source_x = columns + backward_flow[..., 0]
    source_y = (rows + backward_flow[..., 1]).astype(np.float32)
    return cv2.remap(labels, source_x, source_y, cv2.INTER_NEAREST)


def _with_new_objects(labels: np.ndarray, info: FrameInfo) -> np.ndarray:
    if info.mask is None or info.mask.shape != labels.shape:
        found = None if info.mask is None else info.mask.shape
        raise DataError(f"expected a start mask of the frame's size {labels.shape}, got {found}")
    absent = sorted(set(info.object_ids).difference(np.unique(info.mask).tolist()))
    if absent:
        raise DataError(f"the start mask shows nothing of the objects {absent}")
    is_new = np.isin(info.mask, info.object_ids)
    return np.where(is_new, info.mask, labels)
