"""A tracker as a server of the TraX protocol, through which the VOT toolkit runs it.

The package ``vot-trax`` speaks the protocol; it is imported when a server opens.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from ltr.admin.errors import ConfigError, DataError
from ltr.admin.optional import import_optional
from ltr.data.bounding_boxes import Box
from ltr.data.image_io import read_image
from pytracking.evaluation.outputs.live_view import open_live_view
from pytracking.evaluation.stepper import FrameStepper
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.tracker.base import FrameInfo, FrameOutput, Inspector, OnlineTracker, Runtime

RegionFormat = Literal["mask", "rectangle", "polygon"]

_CONFIDENCE = {"confidence": 1.0}


class VotServer:
    """Answers the requests of one client until it leaves.

    Args:
        tracker: Follows the objects of the client.
        region: What the client is offered and gets: masks (VOT since 2020), rectangles, or the
            protocol before 2020, which gives polygons and gets rectangles.
        multiobject: Whether the client may name several objects (VOTS).
        inspector: Is shown the frames, or None.

    Raises:
        ConfigError: ``vot-trax`` is not installed, or no client is there.
    """

    def __init__(
        self,
        tracker: OnlineTracker,
        region: RegionFormat = "mask",
        multiobject: bool = False,
        inspector: Inspector | None = None,
    ) -> None:
        self._trax = import_optional("trax", "VOT", "vot")
        self._tracker = tracker
        self._region = region
        self._inspector = inspector
        self._stepper = FrameStepper(tracker)
        self._shape = (0, 0)
        try:
            self._server = self._trax.Server(
                [region], ["path"], ["color"], metadata={"vot": "python"}, multiobject=multiobject
            )
        except self._trax.TraxException as error:
            raise ConfigError(f"the TraX client does not answer: {error}") from None

    def serve(self) -> int:
        """Answer until the client quits.

        Returns:
            Number of frames that were tracked.

        Raises:
            DataError: A frame cannot be read or has another size, or a region holds no pixel.
        """
        count = 0
        try:
            while (request := self._server.wait()).type != "quit":
                if request.type == "initialize":
                    self._stepper = FrameStepper(self._tracker)
                self._answer(request)
                count += 1
        except self._trax.TraxException as error:
            raise DataError(f"the TraX client is gone: {error}") from None
        except BaseException as error:
            self._server.quit(str(error) or type(error).__name__)
            raise
        return count

    def _answer(self, request: Any) -> None:
        """Segment the frame of a request; objects that it names start in it."""
        path = request.image["color"].path()
        image = read_image(path)
        self._shape = image.shape[:2]
        regions = [region for region, _ in request.objects or ()]
        output = self._stepper.step(image, self._prompt(regions) if regions else None)
        if self._inspector is not None:
            self._inspector.show(path, image, output, 0.0)
        found = regions  # the first frame is answered with what came
        if request.type != "initialize":
            found = [self._encode(output, key) for key in self._stepper.object_ids]
        self._server.status([(region, _CONFIDENCE) for region in found])

    def _prompt(self, regions: list[Any]) -> FrameInfo:
        """New objects, numbered in the order in which the client named them."""
        first = 1 + max(self._stepper.object_ids, default=0)
        labels = np.zeros(self._shape, np.uint8)
        boxes: dict[int, Box] = {}
        for key, region in enumerate(regions, first):
            if region.type == "mask":
                labels[fit_mask(region.array(normalize=True), self._shape) > 0] = key
            else:
                boxes[key] = bounds(region)
        return FrameInfo(tuple(range(first, first + len(regions))), labels, boxes)

    def _encode(self, output: FrameOutput, key: int) -> Any:
        if self._region == "mask":
            found = np.ascontiguousarray(output.segmentation == key, np.uint8)
            return self._trax.Mask.create(found)
        return self._trax.Rectangle.create(*output.boxes[key])


def fit_mask(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Fill up a mask with zeros, or cut it, at the right and the bottom.

    Args:
        mask: (h, w).
        shape: (H, W) of the image.

    >>> fit_mask(np.ones((1, 3), np.uint8), (2, 2)).tolist()
    [[1, 1], [0, 0]]
    """
    kept = mask[: shape[0], : shape[1]]
    missing = [(0, side - own) for side, own in zip(shape, kept.shape, strict=True)]
    return np.pad(kept, missing)


def bounds(region: Any) -> Box:
    """The box around a rectangle or polygon of ``vot-trax``."""
    if region.type == "rectangle":
        x, y, width, height = region.bounds()
        return x, y, width, height
    points = np.array([region[i] for i in range(region.size())])
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return float(left), float(top), float(right - left), float(bottom - top)


def run_vot2020(
    name: str,
    param: str,
    run_id: int | None = None,
    debug: int = 0,
    visdom_info: Mapping[str, Any] | None = None,
) -> None:
    """Serve a client of VOT 2020 or later, with pytracking's arguments.

    Args:
        name: System, for instance ``"joint"``.
        param: File of ``pytracking/parameter/<name>``, without ``.py``.
        run_id: Nothing is written, so it changes nothing.
        debug: Level of the live view.
        visdom_info: ``use_visdom``, ``server`` and ``port``.

    Raises:
        ToolkitError: See ``run_vot``.
    """
    info = dict(visdom_info or {})
    view = open_live_view(
        debug,
        bool(info.get("use_visdom", True)),
        str(info.get("server", "127.0.0.1")),
        int(info.get("port", 8097)),
    )
    run_vot(TrackerSpec(name, param, run_id=run_id), Runtime(inspector=view))


def run_vot(
    spec: TrackerSpec,
    runtime: Runtime,
    region: RegionFormat = "mask",
    multiobject: bool = False,
) -> int:
    """Load a tracker and serve one client; what is printed meanwhile goes to stderr.

    Args:
        spec: A tracker that sees a video frame by frame.
        runtime: Device and precision; its inspector is shown the frames.
        region: See ``VotServer``.
        multiobject: See ``VotServer``.

    Returns:
        Number of frames that were tracked.

    Raises:
        ConfigError: The tracker is of another kind, ``vot-trax`` is not installed, or no client is
            there.
        CheckpointError: The network file is missing or damaged.
        DataError: See ``VotServer.serve``.
    """
    if spec.kind != "online":
        raise ConfigError(f"{spec.system} cannot run under VOT: it needs all frames of a video")
    import_optional("trax", "VOT", "vot")
    with contextlib.redirect_stdout(sys.stderr):
        return VotServer(spec.create(runtime), region, multiobject, runtime.inspector).serve()
