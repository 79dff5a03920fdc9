"""The contracts between trackers and the programs that run them.

Coordinates: boxes are ``(x, y, width, height)`` in pixels of the frame, x to the right, y down.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, ParamSpec, Protocol, TypeVar

import numpy as np
import torch

from ltr.admin.devices import best_device
from ltr.admin.errors import ConfigError, DataError
from ltr.data.bounding_boxes import NO_BOX, Box, as_box, measure_objects
from ltr.data.palette import VOID
from ltr.models.layers.matmul import can_pack
from pytracking.tracker.frame_info import FrameInfo as FrameInfo

if TYPE_CHECKING:
    from typing_extensions import Self

Precision = Literal["fp32", "bf16", "fp16"]

State = TypeVar("State")
Result = TypeVar("Result")
Parameters = ParamSpec("Parameters")


_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Inspector(Protocol):
    """Shows the frames, and what a tracker computes on the way; a ``LiveView`` is one."""

    def show(self, name: str, image: np.ndarray, output: FrameOutput, seconds: float) -> None:
        """Show the newest frame; see ``LiveView.show``."""

    def register(self, data: Any, mode: str, debug_level: int = 0, title: str = "Data") -> None:
        """Show data; see ``LiveView.register``."""


@dataclass(frozen=True)
class Runtime:
    """Where and how a tracker computes, and who looks at it.

    Args:
        device: Device of the network and of all tensors; by default the best one here.
        precision: ``fp32`` is the exact mode; the others trade digits for speed.
        compile: Compile the fixed-shape parts of the network with ``torch.compile``.
        inspector: Is shown the frames and what the tracker computes on the way, or None.

    Attributes:
        dtype: Of what is computed in this precision.

    Raises:
        ConfigError: The device has no arithmetic of this precision.
    """

    device: torch.device = field(default_factory=best_device)
    precision: Precision = "fp32"
    compile: bool = False
    inspector: Inspector | None = None
    dtype: torch.dtype = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.precision == "fp16" and self.device.type == "cpu":
            raise ConfigError("fp16 needs a GPU: use --precision bf16 on a CPU")
        object.__setattr__(self, "dtype", _DTYPES[self.precision])

    @property
    def packs(self) -> bool:
        """Whether networks that run in ``autocast`` are packed: exact ones on a CPU."""
        return can_pack(self.device) and self.precision == "fp32" and not self.compile

    def keep_exact(self) -> None:
        """In ``fp32``, keep cuDNN from rounding what it convolves."""
        if self.precision == "fp32":
            torch.backends.cudnn.allow_tf32 = False

    def compiled(self, part: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        """A fixed-shape part of a network, compiled where that is wanted."""
        return torch.compile(part, dynamic=False) if self.compile else part

    def autocast(self) -> torch.autocast:
        """A context in which networks of single precision compute in this one."""
        is_reduced = self.precision != "fp32"
        return torch.autocast(self.device.type, self.dtype if is_reduced else None, is_reduced)


@dataclass(frozen=True)
class FrameOutput:
    """The result of one frame, all objects merged.

    Args:
        segmentation: uint8 (H, W) label map, 0 = background.
        boxes: Box of every running object.
        probabilities: float32 (1 + objects, H, W) on the tracker's device, background first,
            then the running objects in the order of ``boxes``; None where a tracker has none.
    """

    segmentation: np.ndarray
    boxes: dict[int, Box]
    probabilities: torch.Tensor | None = None

    @classmethod
    def of_labels(
        cls,
        labels: np.ndarray,
        object_ids: Iterable[int] = (),
        probabilities: torch.Tensor | None = None,
    ) -> FrameOutput:
        """Measure the boxes in a label map.

        Args:
            labels: uint8 (H, W), 0 = background.
            object_ids: Running objects; those that are not seen have ``NO_BOX``.
            probabilities: See the class.
        """
        boxes = dict.fromkeys(object_ids, NO_BOX)
        boxes |= {key: as_box(box) for key, (_, box) in measure_objects(labels).items()}
        return cls(labels, boxes, probabilities)


class StateOfVideo(Generic[State]):
    """Keeps all state of the video that a tracker follows in ``self.state``."""

    _state: State | None = None

    @property
    def state(self) -> State:
        """All state between two calls.

        Raises:
            RuntimeError: No video has begun.
        """
        if self._state is None:
            raise RuntimeError("no video has begun: call initialize() or start() first")
        return self._state

    @state.setter
    def state(self, state: State | None) -> None:
        self._state = state


class AnyTracker(ABC):
    """What trackers of every kind share: how one is built."""

    kind: ClassVar[str]

    @classmethod
    @abstractmethod
    def create(cls, params: Any, runtime: Runtime) -> Self:
        """Build a tracker once for a process; it then serves any number of videos.

        Args:
            params: The frozen dataclass that the parameter module returned. One that uses a
                network names its file in the field ``net``.
            runtime: Device and precision.

        Raises:
            CheckpointError: The network file is missing, damaged or of another network.
        """


class OnlineTracker(AnyTracker):
    """A tracker that sees a video frame by frame, each frame once, in order.

    One instance follows one video at a time; instances may share a network. A tracker keeps all
    state in a dataclass that ``initialize`` creates (``StateOfVideo``).
    """

    kind = "online"

    takes_boxes: ClassVar[bool] = False
    """Whether an object may start from a box alone; else it is drawn into the mask before."""

    @abstractmethod
    def initialize(self, image: np.ndarray, info: FrameInfo) -> FrameOutput:
        """Begin a new video.

        Args:
            image: uint8 (H, W, 3) RGB, the first frame.
            info: The objects that start in it (at least one).

        Raises:
            DataError: The mask's size differs from the image's, or an id has no pixel.
        """

    @abstractmethod
    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> FrameOutput:
        """Segment the next frame; objects named in ``info`` start in it.

        Args:
            image: uint8 (H, W, 3) RGB of the same size as the first frame.
            info: New objects, or None.
        """

    def skip(self) -> None:
        """Let a frame go by without looking at it; trackers that count frames override this."""

    def correct(
        self, image: np.ndarray, info: FrameInfo, is_remembered: bool = False
    ) -> FrameOutput:
        """Replace the result of the frame tracked last by a user's masks.

        The frame enters the memory as an annotated one. A tracker without a way of its own begins
        anew from this frame.

        Args:
            image: uint8 (H, W, 3) RGB, the frame tracked last.
            info: Running objects that the user has masked, perhaps with no pixel (the object is
                not there). The mask shows all other running objects, too.
            is_remembered: The frame is in the memory already; see ``remember``.

        Returns:
            The new result of the frame.
        """
        shown = () if info.mask is None else np.unique(info.mask).tolist()
        drawn = tuple(key for key in shown if 0 < key < VOID)
        return self.initialize(image, replace(info, object_ids=drawn))

    def remember(self, image: np.ndarray, info: FrameInfo) -> None:
        """Let a user's masks on any other frame of the video enter the memory.

        The last result stays as it is. A tracker without a memory of annotated frames ignores it.

        Args:
            image: uint8 (H, W, 3) RGB.
            info: Running objects that the user has masked, each with a pixel. The mask shows all
                other running objects, too.
        """

    def remove(self, object_id: int) -> None:
        """Follow one object no more, and free what is remembered of it.

        When it was the only one, the video ends.

        Raises:
            DataError: The tracker does not follow this object, or cannot let go of it.
        """
        raise DataError(f"{type(self).__name__} cannot stop following a single object")
