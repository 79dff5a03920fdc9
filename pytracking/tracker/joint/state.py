"""All state of a JOINT tracker between two frames."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from pytracking.tracker.joint.features import EncodedCrop
from pytracking.tracker.joint.geometry import SearchWindow, TargetState
from pytracking.tracker.joint.memory import ObjectMemory
from pytracking.tracker.joint.merge import Moments


@dataclass
class Crop:
    """A search window of the frame that was tracked last, and what the network made of it."""

    window: SearchWindow
    encoded: EncodedCrop


@dataclass
class ObjectState:
    """One object.

    Args:
        object_id: Label in masks.
        target: Position, size and scale.
        memory: Labelled frames.
        filters: Filter of the target model, (16, C, k, k).
        frame_number: The object's own counter, 1 in its first frame.
        crop: Search window of the last frame; None in the object's first frame.
        skipped: Frames that have gone by unseen since the last one.
    """

    object_id: int
    target: TargetState
    memory: ObjectMemory
    filters: torch.Tensor
    frame_number: int = 1
    crop: Crop | None = None
    skipped: int = 0

    @property
    def last_crop(self) -> Crop:
        """The search window of the last frame, once the object has been tracked."""
        assert self.crop is not None  # objects that have just started are never asked for it
        return self.crop


@dataclass
class VideoState:
    """One video.

    Args:
        image_size: (H, W) of its frames.
        objects: Running objects in the order in which they started.
        probabilities: Merged result of the last frame, (1 + objects, H, W).
        moments: Moments of the objects' probabilities.
    """

    image_size: tuple[int, int]
    probabilities: torch.Tensor
    moments: Moments
    objects: list[ObjectState] = field(default_factory=list)

    @classmethod
    def empty(cls, image_size: tuple[int, int], device: torch.device) -> VideoState:
        """A video without objects, all background."""
        probabilities = torch.ones(1, *image_size, device=device)
        return cls(image_size, probabilities, Moments(probabilities[1:]))
