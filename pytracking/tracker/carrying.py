"""Results that are carried along the optical flow where that does as well as tracking.

Every tracked frame is compared with the last result, moved along the flow to it. As long as both
agree, the next frames take the moved result and are never tracked: after one agreement one frame,
after two in a row two, and so on. The first disagreement ends it, until they agree again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import NO_BOX, Box, measure_objects
from ltr.data.mask_metrics.region import jaccard
from ltr.models.layers.aggregation import largest_channel
from pytracking.tracker.base import (
    AnyTracker,
    FrameInfo,
    FrameOutput,
    OnlineTracker,
    Runtime,
    StateOfVideo,
)
from pytracking.tracker.checks import check_frame

_FLOW_SIDE = 213.0  # pixels of the longer side of a frame at which the flow is computed
_FAR_OFF = 0.05  # below the agreement that is asked for: a clear disagreement
_REST = 2  # frames after one
_MARGIN = 1 / 8  # of the longer side of a frame, around the objects


class _Region(NamedTuple):
    """The part of a frame that holds all objects, and where they may move to."""

    rows: slice
    columns: slice


@dataclass
class CarryingState:
    """All state between two frames, but for what the tracker itself remembers.

    Args:
        grey: uint8 (H, W), the last frame.
        shown: Its result.
        can_move: Whether the result still shows all objects.
        allowed: So many frames in a row may take a moved result now.
        carried: So many have taken it since a frame was tracked.
        resting: So many frames are tracked without a comparison, after a clear disagreement.
    """

    grey: np.ndarray
    shown: FrameOutput
    can_move: bool = True
    allowed: int = 0
    carried: int = 0
    resting: int = 0


class CarryingTracker(StateOfVideo[CarryingState], OnlineTracker):
    """Tracks some frames of a video, and carries the results to others.

    The tracker never sees the frames between, and remembers nothing of them. A frame in which
    objects start, and one that a user corrects, is tracked.

    Args:
        tracker: On the CPU; it follows this video only, and gives probabilities.
        most: At most so many frames in a row are carried, at least 1.
        agreement: Intersection over union that each object's moved and tracked mask must reach.
    """

    def __init__(self, tracker: OnlineTracker, most: int, agreement: float) -> None:
        self.tracker = tracker
        self._most, self._agreement = most, agreement
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)

    @classmethod
    def create(cls, params: Any, runtime: Runtime) -> CarryingTracker:
        """A carrying tracker has no parameters of its own: it is made from another tracker."""
        raise TypeError("make a carrying tracker from a tracker: CarryingTracker(tracker, ...)")

    def initialize(self, image: np.ndarray, info: FrameInfo) -> FrameOutput:
        """See ``OnlineTracker.initialize``."""
        shown = self.tracker.initialize(image, info)
        self.state = CarryingState(_grey(image), shown)
        halvings = round(math.log2(max(image.shape[:2]) / _FLOW_SIDE))
        self._flow.setFinestScale(max(0, halvings))
        return shown

    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> FrameOutput:
        """See ``OnlineTracker.track``."""
        state, info = self.state, info or FrameInfo()
        check_frame(image, info, state.grey.shape[:2], set(state.shown.boxes))
        grey = _grey(image)
        is_compared = state.resting == 0 and not info.object_ids
        moved = self._move(grey) if is_compared else None
        if moved is not None and state.carried < state.allowed:
            self.tracker.skip()
            state.carried += 1
            state.shown = moved
        else:
            tracked = self.tracker.track(image, info)
            self._judge(moved, tracked)
            self._show(tracked)
        state.grey = grey
        return state.shown

    def correct(
        self, image: np.ndarray, info: FrameInfo, is_remembered: bool = False
    ) -> FrameOutput:
        """See ``OnlineTracker.correct``."""
        if self.state.carried:
            self.tracker.track(image)
        self._show(self.tracker.correct(image, info, is_remembered))
        self.state.allowed = 0
        return self.state.shown

    def remember(self, image: np.ndarray, info: FrameInfo) -> None:
        """See ``OnlineTracker.remember``."""
        self.tracker.remember(image, info)

    def remove(self, object_id: int) -> None:
        """See ``OnlineTracker.remove``."""
        self.tracker.remove(object_id)
        boxes = {key: box for key, box in self.state.shown.boxes.items() if key != object_id}
        if boxes:
            self.state.shown = replace(self.state.shown, boxes=boxes)
            self.state.can_move = False
        else:
            self._state = None

    def _judge(self, moved: FrameOutput | None, tracked: FrameOutput) -> None:
        """Allow more frames to be carried, or none, by what a tracked frame shows."""
        state = self.state
        agreement = 0.0 if moved is None else _agreement(moved, tracked)
        if agreement >= self._agreement:
            state.allowed = min(state.allowed + 1, self._most)
            return
        state.allowed = 0
        if moved is None:
            state.resting = max(0, state.resting - 1)
        elif agreement < self._agreement - _FAR_OFF:
            state.resting = _REST

    def _show(self, output: FrameOutput) -> None:
        """Take the result of a tracked frame."""
        state = self.state
        state.shown, state.can_move, state.carried = output, True, 0

    def _move(self, grey: np.ndarray) -> FrameOutput | None:
        """The last result moved into this frame; None where there is nothing to move."""
        state, scores = self.state, self.state.shown.probabilities
        region = _region(state.shown.segmentation)
        if scores is None or region is None or not state.can_move:
            return None
        # OpenCV's stubs forget that the call can allocate its result.
        flow = self._flow.calc(  # type: ignore[call-overload]
            np.ascontiguousarray(grey[region]), np.ascontiguousarray(state.grey[region]), None
        )
        return _moved(state.shown, scores, region, flow)


def carry(tracker: AnyTracker, params: Any) -> AnyTracker:
    """A tracker that carries results where its parameters say so.

    Args:
        tracker: On the CPU, ready to run.
        params: Its parameters; those that know ``carried_frames`` know ``carried_agreement``.
    """
    most = getattr(params, "carried_frames", 0)
    if most == 0:
        return tracker
    assert isinstance(tracker, OnlineTracker)  # others have no such parameter
    return CarryingTracker(tracker, most, params.carried_agreement)


def _grey(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise DataError(f"a frame must be uint8 (H, W, 3), got {image.dtype} {image.shape}")
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def _region(labels: np.ndarray) -> _Region | None:
    """Where objects are and may move to; None where there is none."""
    margin = round(_MARGIN * max(labels.shape))
    parts = []
    for axis in (1, 0):
        places = np.flatnonzero(labels.any(axis=axis))
        if len(places) == 0:
            return None
        parts.append(slice(max(0, int(places[0]) - margin), int(places[-1]) + margin + 1))
    return _Region(*parts)


def _moved(
    shown: FrameOutput, scores: torch.Tensor, region: _Region, flow: np.ndarray
) -> FrameOutput:
    """A result with everything in a region moved.

    Args:
        shown: The last result.
        scores: Its probabilities.
        region: Of the frame.
        flow: float32 (h, w, 2), pixels (x, y) from the region of this frame to the last one.
    """
    height, width = flow.shape[:2]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height))
    sources = columns + flow[..., 0], (rows + flow[..., 1]).astype(np.float32)
    moved = scores.clone()
    inside = moved[:, region.rows, region.columns]
    for target in inside.numpy():
        target[:] = cv2.remap(
            target.copy(), *sources, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    labels = np.zeros_like(shown.segmentation)
    ids = np.array([0, *shown.boxes], np.uint8)
    labels[region] = ids[largest_channel(inside).numpy()]
    return FrameOutput(labels, _moved_boxes(shown, labels), moved)


def _moved_boxes(shown: FrameOutput, labels: np.ndarray) -> dict[int, Box]:
    """Every box, its sides moved as those of the object's mask are; without a mask it stays."""
    before, after = measure_objects(shown.segmentation), measure_objects(labels)
    boxes = dict(shown.boxes)
    for key in boxes.keys() & before.keys() & after.keys():
        if boxes[key] != NO_BOX:
            x, y, width, height = (
                side + new - old
                for side, new, old in zip(boxes[key], after[key][1], before[key][1], strict=True)
            )
            boxes[key] = x, y, max(0.0, width), max(0.0, height)
    return boxes


def _agreement(moved: FrameOutput, tracked: FrameOutput) -> float:
    """The smallest intersection over union of an object's two masks."""
    return min(
        float(jaccard(moved.segmentation == key, tracked.segmentation == key))
        for key in tracked.boxes
    )
