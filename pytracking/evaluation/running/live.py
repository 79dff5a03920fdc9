"""A video under a user's control: objects are added and forgotten, and the run is stopped."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import Protocol

import numpy as np

from pytracking.evaluation.stepper import FrameStepper, VideoFrame
from pytracking.tracker.base import FrameInfo
from pytracking.utils.overlay import draw_result
from pytracking.utils.window import BoxSelection

QUIT_KEY, RESET_KEY, PAUSE_KEY = "q", "r", " "


class Screen(Protocol):
    """What the loop needs of a window."""

    selection: BoxSelection

    def show(self, image: np.ndarray) -> str:
        """Show a picture, uint8 (H, W, 3) RGB; the key pressed meanwhile, or an empty text."""


def live_frames(
    session: FrameStepper,
    frames: Iterable[np.ndarray],
    prompts: Mapping[int, FrameInfo],
    screen: Screen | None,
    stop: Event,
) -> Iterator[VideoFrame]:
    """Segment frames until they end, ``stop`` is set or ``q`` is pressed.

    Two clicks on the screen span the box of a new object, ``r`` forgets all objects, the space bar
    pauses and resumes.

    Args:
        session: A fresh one.
        frames: uint8 (H, W, 3) RGB.
        prompts: Objects known in advance, by the frame in which they start.
        screen: Screen that shows the results, or None.
        stop: Ends the loop after the current frame.

    Yields:
        Every frame with its result.
    """
    reserved = {key for info in prompts.values() for key in info.object_ids}
    for index, image in enumerate(frames):
        prompt = prompts.get(index)
        if screen is not None:
            prompt = _with_drawn_boxes(prompt, screen, reserved | set(session.object_ids))
        frame = VideoFrame(index, image, session.step(image, prompt))
        yield frame
        if stop.is_set() or (screen is not None and not _go_on(frame, screen, session)):
            return


@contextmanager
def stop_on_interrupt() -> Iterator[Event]:
    """Turn the first Ctrl-C into a set event, so that what was done so far is kept."""
    stop = Event()

    def on_interrupt(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        stop.set()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _with_drawn_boxes(
    prompt: FrameInfo | None, screen: Screen, taken: set[int]
) -> FrameInfo | None:
    boxes = screen.selection.take()
    if not boxes:
        return prompt
    free = (key for key in itertools.count(1) if key not in taken)
    drawn = dict(zip(free, boxes, strict=False))
    known = prompt or FrameInfo()
    return FrameInfo((*known.object_ids, *drawn), known.mask, {**known.boxes, **drawn})


def _go_on(frame: VideoFrame, screen: Screen, session: FrameStepper) -> bool:
    """Show the frame and obey the keys; False when the run shall end."""
    picture = draw_result(frame.image, frame.output.segmentation)
    key = screen.show(picture)
    if key == PAUSE_KEY:
        key = _wait_for_key(screen, picture)
    if key == RESET_KEY:
        session.reset()
        screen.selection.clear()
    return key != QUIT_KEY


def _wait_for_key(screen: Screen, picture: np.ndarray) -> str:
    while True:
        if key := screen.show(picture):
            return key
