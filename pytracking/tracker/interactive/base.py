"""The contract of interactive segmentation (IVOS-W, arXiv 2103.10391).

A *host* is a segmentation method that takes scribbles on one frame a round and answers with the
masks of all frames. It knows nothing of robots, sessions, recommendations or files. Points of
scribbles are ``(x, y)`` fractions of the frame's width and height, x to the right, y down.
"""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.interactive.scribbles import ScribbleLine
from ltr.data.palette import VOID
from pytracking.tracker.base import AnyTracker, Runtime


@dataclass(frozen=True)
class RoundResult:
    """What a host answers to one round of scribbles.

    Args:
        masks: uint8 (frames, H, W), 0 = background, 1..K.
        probs: float32 (frames, K + 1, H, W) on the host's device, background first (zeros if the
            host has none). Hosts reuse this memory: it is valid until the next call.
        updated: First and last frame that were rewritten in this round.
        seconds: What the host took.
    """

    masks: np.ndarray
    probs: torch.Tensor
    updated: tuple[int, int]
    seconds: float


class Segmentation(NamedTuple):
    """What a round of a host computes, see ``RoundResult``."""

    masks: np.ndarray
    probs: torch.Tensor
    updated: tuple[int, int]


def _ignore_frame() -> None:
    """What ``on_frame`` does unless somebody wants to know."""


class InteractiveVOS(AnyTracker):
    """A segmentation method that is corrected by scribbles, round by round.

    One instance serves one video at a time. Rounds may name any frame, also one named before.
    ``on_frame`` is called before every frame that a round computes; an error that it raises ends
    the round, and the video has to be started anew.
    """

    kind = "interactive"
    name: str
    robot_min_nb_nodes: ClassVar[int] = 4
    wants_all_scribbles: ClassVar[bool] = False
    runs_without_scribbles: ClassVar[bool] = False

    def __init__(self) -> None:
        self.frames: Sequence[np.ndarray] = ()
        self.num_objects = 0
        self.on_frame: Callable[[], None] = _ignore_frame
        self._last: Segmentation | None = None

    @classmethod
    def create(cls, params: Any, runtime: Runtime) -> InteractiveVOS:
        """Build a host once for a process; it then serves any number of videos.

        Args:
            params: The frozen dataclass of a parameter module; its ``host`` names the class.
            runtime: Device and precision.

        Raises:
            CheckpointError: The network file is missing, damaged or of another network.
        """
        module, name = params.host.split(":")
        return getattr(importlib.import_module(module), name).create(params, runtime)

    def start(
        self, frames: Sequence[np.ndarray], num_objects: int, video_id: str | None = None
    ) -> None:
        """Begin a sample; every state of the previous one is dropped.

        Args:
            frames: uint8 (H, W, 3) RGB, all of one size; may be read lazily.
            num_objects: The objects are 1 to ``num_objects``.
            video_id: Features of frames may be kept from the previous sample if both have this id.

        Raises:
            DataError: No frame, no object or too many.
        """
        if not len(frames):
            raise DataError("a video must have at least one frame")
        if not 0 < num_objects < VOID:
            raise DataError(f"the number of objects must be 1 to {VOID - 1}, got {num_objects}")
        self.frames, self.num_objects, self._last = frames, num_objects, None
        self._start(video_id)

    def interact(self, frame: int, scribbles: Sequence[ScribbleLine]) -> RoundResult:
        """Play one round.

        Args:
            frame: The frame that the scribbles lie on.
            scribbles: Lines on the frame: those of all rounds so far if ``wants_all_scribbles``,
                else the newest. Without lines the previous result is kept, unless
                ``runs_without_scribbles``.

        Returns:
            All frames; those outside ``updated`` are as in the previous round.

        Raises:
            DataError: There is no such frame or object, or a first round without scribbles.
        """
        self._check(frame, scribbles)
        if not scribbles:
            last = self._last
            if last is None:
                raise DataError("the first round of a video needs at least one scribble")
            if not self.runs_without_scribbles:
                return self._timed(lambda: last._replace(updated=(frame, frame)))
        return self._timed(lambda: self._interact(frame, scribbles))

    def mask_hint(self, frame: int, mask: np.ndarray) -> RoundResult:
        """Play a round with a full mask as the correction, where a host can.

        Args:
            frame: The frame that it belongs to.
            mask: uint8 (H, W) label map.
        """
        raise NotImplementedError(f"{self.name} takes scribbles only")

    def finish(self) -> None:
        """Drop the video and everything kept for it."""
        self.frames, self.num_objects, self._last = (), 0, None
        self._finish()

    def _timed(self, play: Callable[[], Segmentation]) -> RoundResult:
        """Play a round and remember its result."""
        started = perf_counter()
        self._last = play()
        return RoundResult(*self._last, perf_counter() - started)

    def _check(self, frame: int, scribbles: Sequence[ScribbleLine]) -> None:
        if not 0 <= frame < len(self.frames):
            raise DataError(f"there is no frame {frame}: the video has {len(self.frames)}")
        for line in scribbles:
            if not 0 <= line.object_id <= self.num_objects:
                raise DataError(
                    f"a scribble marks the object {line.object_id}: the video has objects 1 to "
                    f"{self.num_objects}"
                )

    @abstractmethod
    def _start(self, video_id: str | None) -> None:
        """Drop all state of the previous sample."""

    @abstractmethod
    def _interact(self, frame: int, scribbles: Sequence[ScribbleLine]) -> Segmentation:
        """Compute one round."""

    @abstractmethod
    def _finish(self) -> None:
        """Free the memory of the video."""
