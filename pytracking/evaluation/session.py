"""One video and one tracker: prompts of any kind, both directions, corrections.

A session knows no result files. Frames are read when they are needed, and what is computed lies on
disk, so its memory does not grow with the video.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from ltr.admin.errors import ConfigError, DataError
from pytracking.evaluation.sessions.layers import (
    DIRECTIONS,
    Direction,
    FrameResult,
)
from pytracking.evaluation.sessions.record import SessionRecord, SessionState, draw_over
from pytracking.evaluation.stepper import VideoFrame
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker
from pytracking.tracker.interactive.scribble_mask import GrabCutMask, ScribbleToMask
from pytracking.utils.video_reader import VideoLike

PassDirection = Literal["forward", "backward", "both"]

__all__ = ["PassDirection", "SessionState", "VideoSession"]


class VideoSession(SessionRecord):
    """Follows objects through a video; prompts come in any order, results can be corrected.

    Use it in a ``with`` block, or ``close`` it.

    Args:
        tracker: A tracker of masks from ``load_tracker``; it serves this session only.
        frames: A video file, a folder of frames, or frames uint8 (H, W, 3) RGB, also ones that
            come one by one.
        to_mask: Turns points and scribbles into masks; GrabCut where None is given.

    Raises:
        ConfigError: The tracker does not follow masks frame by frame.
        DataError: The video cannot be read.
    """

    def __init__(
        self,
        tracker: OnlineTracker,
        frames: VideoLike | Sequence[np.ndarray],
        to_mask: ScribbleToMask | None = None,
    ) -> None:
        if tracker.kind != "online":
            raise ConfigError("a session needs a tracker that follows masks frame by frame")
        super().__init__(frames, to_mask or GrabCutMask())
        self._tracker = tracker

    def propagate(
        self, start: int | None = None, end: int | None = None, direction: PassDirection = "both"
    ) -> Iterator[VideoFrame]:
        """Carry all objects through the video, frame by frame.

        Without ``start`` a forward pass begins at the first frame with a prompt and a backward pass
        at the last one. With it, a pass begins there with what is known of that frame; where the
        frame has prompts, the objects that they do not name keep their earlier results. It ends
        at the next frame where prompts that an earlier pass has used name all these objects.
        Between two frames with prompts for an object both directions are blended, linearly.
        An abandoned pass leaves the results that it has reached.

        Args:
            start: Frame where the pass begins.
            end: Last frame of the pass; for one direction only.
            direction: ``forward``, ``backward`` or ``both``, one after the other.

        Yields:
            The frames in the order in which they are computed, the first one of a pass too.

        Raises:
            DataError: No object, no such frame, or ``end`` lies on the wrong side.
        """
        if not self._prompts:
            raise DataError("there is no object yet: add one first")
        if direction == "both" and end is not None:
            raise DataError("an end needs a direction: forward or backward")
        wanted = DIRECTIONS if direction == "both" else (direction,)
        for frame in (start, end):
            if frame is not None:
                self._check_frame(frame)
        begin = {"forward": min(self._prompts), "backward": max(self._prompts)}
        for own in wanted:
            first = begin[own] if start is None else start
            if end is not None and (end < first if own == "forward" else end > first):
                raise DataError(f"frame {end} is not {own} of frame {first}")
            yield from self._run_pass(own, first, end, stops=start is not None)

    def _run_pass(
        self, direction: Direction, start: int, end: int | None, stops: bool
    ) -> Iterator[VideoFrame]:
        self._removed.clear()
        labels = self.preview(start)
        running = {key for key in self.object_ids if (labels == key).any()}
        if not running:
            raise DataError(f"no object is known on frame {start}: prompt it, or begin elsewhere")
        named = set(self._given(start)) if stops else set()
        rewritten = named or set(self.object_ids)
        info = self._start_info(start, sorted(running), labels)
        output = self._tracker.initialize(self.frames[start], info)
        self._remember(running, start)
        self._use(start)
        yield self._keep(direction, start, output, rewritten)
        for frame in self._indices(direction, start, end):
            self._let_go(running)
            if not running:
                return
            given, was_new = self._given(frame), self._use(frame)
            new = {key: mask for key, mask in given.items() if key not in running and mask.any()}
            started = self._start_info(frame, tuple(new), self._blank(new)) if new else None
            output = self._tracker.track(self.frames[frame], started)
            self._remember(set(new), frame)
            known = {key: mask for key, mask in given.items() if key in running}
            running.update(new)
            rewritten.update(new)
            if known:
                corrected = FrameInfo(tuple(known), draw_over(output.segmentation, known))
                image = self.frames[frame]
                output = self._tracker.correct(image, corrected, is_remembered=True)
            yield self._keep(direction, frame, output, rewritten)
            if stops and given.keys() >= rewritten & running and not was_new:
                return

    def _start_info(self, frame: int, object_ids: Sequence[int], labels: np.ndarray) -> FrameInfo:
        """Objects that start; one that is only given by a box starts from it."""
        prompts = self.prompts(frame)
        boxes = {
            key: prompts[key].box
            for key in object_ids
            if key in prompts and not (prompts[key].points or prompts[key].scribbles)
        }
        given = {key: box for key, box in boxes.items() if box is not None}
        return FrameInfo(tuple(object_ids), labels, given)

    def _blank(self, masks: dict[int, np.ndarray]) -> np.ndarray:
        return draw_over(np.zeros(self._layers.shape, np.uint8), masks)

    def _use(self, frame: int) -> bool:
        """Note that a pass uses the prompts of a frame; whether it is the first one."""
        entry = self._prompts.get(frame)
        if entry is None:
            return True
        was_new, entry.is_new = entry.is_new, False
        return was_new

    def _indices(self, direction: Direction, start: int, end: int | None) -> Iterator[int]:
        """The frames after the first one of a pass; a stream is read as it comes."""
        if direction == "backward":
            yield from range(start - 1, (end or 0) - 1, -1)
            return
        frame = start + 1
        while (end is None or frame <= end) and self.frames.reaches(frame):
            yield frame
            frame += 1

    def _remember(self, running: set[int], start: int) -> None:
        """Let all other annotated frames of the running objects enter the memory."""
        for frame in self.annotated:
            masks = {key: m for key, m in self._given(frame).items() if key in running and m.any()}
            if frame != start and masks:
                info = FrameInfo(tuple(masks), self.preview(frame))
                self._tracker.remember(self.frames[frame], info)

    def _let_go(self, running: set[int]) -> None:
        """Free what was removed since the last frame."""
        for key in sorted(self._removed & running):
            self._tracker.remove(key)
            running.discard(key)
        self._removed.clear()

    def _keep(
        self, direction: Direction, frame: int, output: FrameOutput, rewritten: set[int]
    ) -> VideoFrame:
        old = self._layers.read(self._layers.tables[direction].get(frame))
        result = FrameResult.of(output).keeping(old, rewritten | self._removed)
        self._layers.write(direction, frame, result)
        return self.output(frame)
