"""A tracking function for CVAT's agents, the interface of ``cvat_sdk.auto_annotation``.

    cvat-cli function create-native "JOINT" --function-module pytracking.backends.cvat \\
        -p system=str:joint -p name=str:joint_demo
    cvat-cli function run-agent FUNCTION_ID --function-module pytracking.backends.cvat \\
        -p system=str:joint -p name=str:joint_demo

Masks, polygons and rectangles are tracked; every shape has its own state, all share one network.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ltr.admin.devices import resolve_device
from ltr.admin.errors import ConfigError, DataError
from ltr.admin.optional import import_optional
from ltr.data.bounding_boxes import as_box
from pytracking.evaluation.outputs.exchange.cvat import decode_box_runs, encode_box_runs
from pytracking.evaluation.outputs.exchange.labelled_video import bounding_box
from pytracking.evaluation.tracker import create_tracker
from pytracking.tracker.base import FrameInfo, OnlineTracker, Runtime
from pytracking.utils.box_mask import mask_from_box

if TYPE_CHECKING:
    import cvat_sdk.auto_annotation as cvataa
    import PIL.Image

SHAPES = ("mask", "polygon", "rectangle")
_OBJECT = 1
_CORNERS = 4
_FARTHEST, _MAX_RUN = 1 << 15, 1 << 28


class CvatTracking:
    """A tracker behind CVAT's interface for tracking functions.

    Args:
        tracker: A tracker of masks; serves as the pattern of one tracker per shape.
        auto_annotation: The module ``cvat_sdk.auto_annotation``.
    """

    def __init__(self, tracker: OnlineTracker, auto_annotation: Any) -> None:
        self._tracker = tracker
        self._types = auto_annotation
        self.spec: cvataa.TrackingFunctionSpec = auto_annotation.TrackingFunctionSpec(
            supported_shape_types=frozenset(SHAPES)
        )

    def preprocess_image(
        self, context: cvataa.TrackingFunctionContext, image: PIL.Image.Image
    ) -> np.ndarray:
        """The frame as uint8 (H, W, 3) RGB, shared by all shapes."""
        return np.array(image.convert("RGB"))

    def init_tracking_state(
        self,
        context: cvataa.TrackingFunctionShapeContext,
        pp_image: np.ndarray,
        shape: cvataa.TrackableShape,
    ) -> OnlineTracker:
        """Start a tracker with a shape.

        Raises:
            DataError: The shape has no pixel in the frame.
        """
        height, width = pp_image.shape[:2]
        mask = mask_of_shape(shape.type, shape.points, pp_image)
        if not mask.any():
            raise DataError(f"the {shape.type} has no pixel in the frame of {width}x{height}")
        tracker = copy.copy(self._tracker)
        box = {}
        if shape.type == "rectangle":
            left, top, right, bottom = shape.points
            box = {_OBJECT: as_box((left, top, right - left, bottom - top))}
        tracker.initialize(pp_image, FrameInfo((_OBJECT,), mask.astype(np.uint8), box))
        return tracker

    def track(
        self,
        context: cvataa.TrackingFunctionShapeContext,
        pp_image: np.ndarray,
        state: OnlineTracker,
    ) -> cvataa.TrackableShape | None:
        """The shape in the next frame, None where the object is not seen."""
        mask = state.track(pp_image).segmentation == _OBJECT
        points = points_of_mask(context.original_shape_type, mask)
        if points is None:
            return None
        shape: cvataa.TrackableShape = self._types.TrackableShape(
            type=context.original_shape_type, points=points
        )
        return shape


def create(
    system: str = "joint", name: str = "joint_demo", net: str | None = None, device: str = "auto"
) -> CvatTracking:
    """Make the function; called by ``cvat-cli`` with the values of ``-p``.

    Args:
        system: First word of the commands.
        name: Second word.
        net: Network file instead of the one that the parameters name.
        device: ``auto``, ``cpu``, ``cuda``, ...

    Raises:
        ConfigError: The tracker does not follow masks, or ``cvat-sdk`` is missing.
        CheckpointError: The network cannot be loaded.
    """
    auto_annotation = import_optional(
        "cvat_sdk.auto_annotation", "the backend for CVAT", "backends"
    )
    tracker = create_tracker(system, name, net=net, runtime=Runtime(resolve_device(device)))
    if not isinstance(tracker, OnlineTracker):
        raise ConfigError(f"{system} {name} cannot follow the shapes of CVAT: it takes no masks")
    return CvatTracking(tracker, auto_annotation)


def mask_of_shape(kind: str, points: Sequence[float], image: np.ndarray) -> np.ndarray:
    """The pixels of a shape, bool (H, W).

    Args:
        kind: One of ``SHAPES``.
        points: As CVAT has them: of a mask its run lengths and then left, top, right, bottom; else
            x, y, x, y, ...
        image: uint8 (H, W, 3) RGB, in which the object in a rectangle is looked for.

    Raises:
        DataError: The points are damaged.
    """
    height, width = image.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    values = np.asarray(points, float)
    limit = _MAX_RUN if kind == "mask" else _FARTHEST
    is_fine = len(values) >= _CORNERS and bool((np.abs(values) <= limit).all())
    if kind == "polygon":
        is_fine = is_fine and len(values) % 2 == 0
    elif kind == "rectangle":
        is_fine = is_fine and len(values) == _CORNERS
    if not is_fine or kind not in SHAPES:
        raise DataError(f"a {kind} of CVAT has the points {str(list(points))[:60]}")
    if kind == "polygon":
        cv2.fillPoly(mask, [np.floor(values.reshape(-1, 2)).astype(np.int32)], 1)
        return mask.astype(bool)
    if kind == "rectangle":
        left, top, right, bottom = values
        return mask_from_box(image, as_box((left, top, right - left, bottom - top))) > 0
    left, top, right, bottom = values[-_CORNERS:].astype(int).tolist()
    try:
        if not (0 <= left <= right < width and 0 <= top <= bottom < height):
            raise ValueError("its box leaves the frame")
        own = decode_box_runs(values[:-_CORNERS].astype(int), right - left + 1, bottom - top + 1)
        mask[top : bottom + 1, left : right + 1] = own
    except ValueError as error:
        raise DataError(f"a mask of CVAT is damaged: {error}") from error
    return mask.astype(bool)


def points_of_mask(kind: str, mask: np.ndarray) -> list[float] | None:
    """A mask, bool (H, W), as the points of a shape; None where it is empty.

    Of an object in several parts a polygon shows the largest.
    """
    if not mask.any():
        return None
    left, top, width, height = bounding_box(mask)
    if kind == "rectangle":
        return [float(side) for side in (left, top, left + width, top + height)]
    if kind == "polygon":
        found, _ = cv2.findContours(
            mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
        )
        largest = max(found, key=cv2.contourArea)
        points = largest.reshape(-1).astype(float).tolist()
        return points if len(points) > _CORNERS else None
    runs = encode_box_runs(mask[top : top + height, left : left + width])
    return [*map(float, runs), *map(float, (left, top, left + width - 1, top + height - 1))]
