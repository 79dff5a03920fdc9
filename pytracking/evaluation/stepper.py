"""The inference core: frames and prompts in, label maps out. It knows nothing of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from ltr.admin.errors import DataError
from pytracking.evaluation.prompts import object_ids, with_box_masks
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker

StartPrompt = np.ndarray | FrameInfo
Prompts = StartPrompt | Mapping[int, StartPrompt]


class VideoFrame(NamedTuple):
    """One frame of a video and its result.

    Args:
        index: Number of the frame, from 0.
        image: uint8 (H, W, 3) RGB.
        output: Label map and boxes of the frame; empty while no object has started.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which a frame has no use for
    image: np.ndarray
    output: FrameOutput


class FrameStepper:
    """One video in one tracker, frame by frame; objects may start in any frame.

    Args:
        tracker: Follows this video only, until the session ends.
    """

    def __init__(self, tracker: OnlineTracker) -> None:
        self._tracker = tracker
        self._shape: tuple[int, ...] | None = None
        self._started: set[int] = set()

    @property
    def object_ids(self) -> tuple[int, ...]:
        """The objects that have started, ascending."""
        return tuple(sorted(self._started))

    def step(self, image: np.ndarray, prompt: StartPrompt | None = None) -> FrameOutput:
        """Segment the next frame.

        Args:
            image: uint8 (H, W, 3) RGB, of the size of the first frame.
            prompt: The objects that start in it: a label map, or ids with a mask, boxes or both.

        Returns:
            The result; an empty one while no object has started.

        Raises:
            DataError: The size changed, the prompt does not fit the frame, or names an object that
                has started before.
        """
        self._check_size(image)
        info = self._complete(image, prompt) if prompt is not None else None
        if self._started:
            output = self._tracker.track(image, info)
        elif info is not None:
            output = self._tracker.initialize(image, info)
        else:
            output = FrameOutput(np.zeros(image.shape[:2], np.uint8), {})
        if info is not None:
            self._started.update(info.object_ids)
        return output

    def reset(self) -> None:
        """Forget all objects; the next prompt starts a new track."""
        self._started.clear()

    def _check_size(self, image: np.ndarray) -> None:
        if self._shape is None:
            self._shape = image.shape
        if image.shape != self._shape:
            raise DataError(f"a frame has the shape {image.shape}, the first one {self._shape}")

    def _complete(self, image: np.ndarray, prompt: StartPrompt) -> FrameInfo | None:
        info = prompt if isinstance(prompt, FrameInfo) else _info_of_mask(prompt)
        if info.mask is not None and info.mask.shape != image.shape[:2]:
            raise DataError(f"a mask has the shape {info.mask.shape}, its frame {image.shape[:2]}")
        known = sorted(self._started.intersection(info.object_ids))
        if known:
            raise DataError(f"the objects {known} of a prompt have started before")
        if not info.object_ids:
            return None
        return info if self._tracker.takes_boxes else with_box_masks(image, info)


def segment_video(
    tracker: OnlineTracker, frames: Iterable[np.ndarray], prompts: Prompts
) -> Iterator[VideoFrame]:
    """Segment a video frame by frame; nothing is kept, so any length fits into memory.

    Args:
        tracker: A tracker from ``load_tracker``.
        frames: uint8 (H, W, 3) RGB, for instance from ``read_video``.
        prompts: A label map uint8 (H, W) for the first frame, or the prompts of several frames by
            their index from 0.

    Yields:
        Every frame with its result, also those before the first prompt.

    Raises:
        DataError: A prompt does not fit its frame, or the video ends before it.
    """
    waiting = dict(prompts) if isinstance(prompts, Mapping) else {0: prompts}
    session = FrameStepper(tracker)
    count = 0
    for index, image in enumerate(frames):
        yield VideoFrame(index, image, session.step(image, waiting.pop(index, None)))
        count += 1
    if waiting:
        raise DataError(f"the video has {count} frames, a prompt is for frame {min(waiting)}")


def _info_of_mask(labels: np.ndarray) -> FrameInfo:
    present = object_ids(labels)
    if not present:
        raise DataError("a prompt mask holds no object: every pixel is 0 or 255")
    return FrameInfo(present, labels)
