from __future__ import annotations

import signal
from threading import Event

import numpy as np

from pytracking import load_tracker
from pytracking.evaluation.running.live import live_frames, stop_on_interrupt
from pytracking.evaluation.stepper import FrameStepper
from pytracking.tracker.base import FrameInfo
from pytracking.utils.window import BoxSelection
from tests.pytracking.clips import numbered_frames


class ScriptedUser:
    """A screen whose user acts at given pictures.

    Args:
        keys: Key pressed at the n-th shown picture.
        clicks: Two corners clicked at the n-th shown picture.
    """

    def __init__(self, keys: dict[int, str] | None = None, clicks: dict | None = None) -> None:
        self.selection = BoxSelection()
        self.pictures: list[np.ndarray] = []
        self._keys = keys or {}
        self._clicks = clicks or {}

    def show(self, image: np.ndarray) -> str:
        number = len(self.pictures)
        self.pictures.append(image)
        for x, y in self._clicks.get(number, ()):
            self.selection.click(x, y)
        return self._keys.get(number, "")


def objects_of(user: ScriptedUser | None, prompts: dict | None = None) -> list[list[int]]:
    """The running objects in every frame of a run."""
    session = FrameStepper(load_tracker("baseline", "copy_mask"))
    frames = live_frames(session, numbered_frames(6), prompts or {}, user, Event())
    return [sorted(frame.output.boxes) for frame in frames]


def test_two_clicks_start_an_object_in_the_next_frame():
    user = ScriptedUser(clicks={1: [(40, 30), (5, 8)]})
    assert objects_of(user) == [[], [], [1], [1], [1], [1]]
    assert (user.pictures[0] == numbered_frames(1)[0]).all()
    assert (user.pictures[2] != numbered_frames(3)[2]).any()


def test_ids_of_clicked_objects_avoid_those_to_come():
    later = np.zeros((48, 64), np.uint8)
    later[:4, :4] = 1
    user = ScriptedUser(clicks={0: [(5, 8), (40, 30)], 1: [(45, 8), (60, 30)]})
    prompts = {3: FrameInfo((1,), later)}
    assert objects_of(user, prompts) == [[], [2], [2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]]


def test_r_forgets_all_objects():
    user = ScriptedUser(keys={3: "r"}, clicks={0: [(5, 8), (40, 30)], 4: [(5, 8), (40, 30)]})
    assert objects_of(user) == [[], [1], [1], [1], [], [1]]


def test_q_ends_the_run():
    assert len(objects_of(ScriptedUser(keys={2: "q"}))) == 3


def test_space_waits_for_the_next_key():
    user = ScriptedUser(keys={1: " ", 5: " "})
    assert len(objects_of(user)) == 6
    assert len(user.pictures) == 6 + 4
    assert len(objects_of(ScriptedUser(keys={1: " ", 4: "q"}))) == 2


def test_event_ends_the_run_after_the_frame():
    stop = Event()
    stop.set()
    session = FrameStepper(load_tracker("baseline", "copy_mask"))
    assert len(list(live_frames(session, numbered_frames(6), {}, None, stop))) == 1


def test_interrupt_handler_is_restored():
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGINT) is before


def test_clicks_on_one_line_make_no_box():
    selection = BoxSelection()
    selection.click(5, 5)
    selection.click(5, 30)
    assert selection.take() == []


def test_begun_box_follows_the_mouse():
    selection = BoxSelection()
    blank = np.zeros((20, 20, 3), np.uint8)
    selection.click(4, 4)
    selection.move(12, 9)
    drawn = selection.draw(blank)
    assert drawn[9, 8].min() == 255
    assert drawn[15].max() == 0
    selection.clear()
    assert not selection.draw(blank).any()
