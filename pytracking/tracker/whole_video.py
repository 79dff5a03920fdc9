"""The contract of trackers that see a whole video at once, with or without a sentence."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from ltr.data.bounding_boxes import Box
from ltr.data.rle import Rle, decode
from pytracking.tracker.base import AnyTracker

Frames = Sequence[np.ndarray]
Advance = Callable[[int], None]


def ignore_progress(count: int) -> None:
    """The ``advance`` of a caller that shows no progress."""


@dataclass(frozen=True)
class TextPrompt:
    """What comes with a video.

    Args:
        texts: One sentence per object to be found; empty for trackers that take no text.
    """

    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class InstanceTrack:
    """One object through the whole video; small, since masks are run lengths.

    Args:
        masks: COCO run lengths (compressed, of the frames' size) for every frame, None where the
            object is not seen.
        score: Confidence, the higher the surer; of the best category where there are several.
        category: Id of the best category, None where the system knows none.
        category_scores: Score of every category that the object may have; empty where only
            ``category`` counts.
        frame_scores: Confidence in every frame; empty where there is none.
        boxes: Box in every frame, None where the object is not seen; empty where there is none.
    """

    masks: tuple[Rle | None, ...]
    score: float
    category: int | None = None
    category_scores: Mapping[int, float] = field(default_factory=dict)
    frame_scores: tuple[float, ...] = ()
    boxes: tuple[Box | None, ...] = ()


class WholeVideoTracker(AnyTracker):
    """A tracker that is given all frames of a video together.

    It keeps nothing from video to video, and reads frames when it needs them, each as often as it
    likes, so the memory need not depend on the length of the video.

    ``target_window`` says how many frames it is given where a data set asks for a single one: the
    target in the middle, its neighbours around it. ``deviation`` says in what the last video was
    segmented otherwise than the parameters say; it is empty where it was not.
    """

    kind = "whole_video"
    takes_text: ClassVar[bool] = False
    target_window: int = 5
    deviation: str = ""
    category_names: Mapping[int, str] = MappingProxyType({})

    @abstractmethod
    def segment(
        self, frames: Frames, prompt: TextPrompt, advance: Advance = ignore_progress
    ) -> Sequence[InstanceTrack]:
        """Find the objects of a video.

        Args:
            frames: Lazily read, uint8 (H, W, 3) RGB, at least one, all of one size.
            prompt: Sentences for a tracker that ``takes_text``, else none.
            advance: Called now and then with the number of frames done since the last call; the
                numbers add up to ``len(frames)``.

        Returns:
            With sentences one track for each, in their order; else any number, the best first. In
            a label map an earlier track covers a later one.

        Raises:
            DataError: A frame is missing or damaged.
        """


def label_map(tracks: Sequence[InstanceTrack], position: int, shape: tuple[int, int]) -> np.ndarray:
    """Draw one frame of all tracks: track number ``i`` has the id ``i + 1``.

    Args:
        tracks: At most 254; where two cover a pixel, it belongs to the earlier one.
        position: Index of the frame.
        shape: (H, W) of the frames.

    Returns:
        uint8 (H, W), 0 = background.
    """
    labels = np.zeros(shape, np.uint8)
    for number in range(len(tracks), 0, -1):
        mask = tracks[number - 1].masks[position]
        if mask is not None:
            labels[decode(mask) > 0] = number
    return labels
