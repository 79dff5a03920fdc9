"""The page in a browser while something goes on: cancel, reload, two tabs, long clips."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from pytracking import VideoSession, load_tracker
from pytracking.interactive_page.opening import open_with_tracker
from pytracking.interactive_page.workbench import Workbench
from pytracking.tracker.interactive.scribble_mask import GrabCutMask
from pytracking.utils.video_writer import VideoWriter
from tests.browser import Browser
from tests.page_server import plain_workbench
from tests.pytracking.interactive_page.page_in_browser import (
    at,
    prompted,
    settle,
    shown,
    visit,
    wait_for,
)

MASK_AGAIN = (
    "performance.getEntriesByType('resource')"
    ".filter((entry) => /masks.0.png.v=\\d+\\.[1-9]/.test(entry.name)).length"
)


class HeldSession(VideoSession):
    """Waits after its third frame until it is let go."""

    def __init__(self, gate: threading.Event, *arguments) -> None:
        super().__init__(*arguments)
        self._gate = gate
        self._computed = itertools.count(1)

    def _keep(self, *arguments):
        if next(self._computed) > 3:
            assert self._gate.wait(120)
        return super()._keep(*arguments)


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
def held(clip, gate) -> Workbench:
    """A workbench whose passes come to their end when the gate is set."""
    workbench = plain_workbench()
    tracker = load_tracker("baseline", "copy_mask")
    workbench._open_session = lambda frames, tick: HeldSession(gate, tracker, frames, GrabCutMask())
    workbench.open(clip)
    return workbench


@pytest.fixture
def held_page(held, browser, tmp_path) -> Iterator[Browser]:
    with shown(held, browser, tmp_path, refusals=["409 (Conflict)"]):  # of what is cancelled
        yield browser


def start(page: Browser, bench: Workbench, points: Sequence[tuple[float, float]]) -> None:
    """Draw, propagate, and wait until some frames are there."""
    page.stroke("#canvas", points)
    wait_for(lambda: prompted(bench, 0))
    settle(page)
    page.press("Enter")
    page.wait("document.querySelector('#working-text').textContent.includes(' / ')")


def test_masks_come_one_by_one_and_cancel_takes_them_back(held_page, held, gate):
    page = held_page
    start(page, held, [at(32, 60), at(48, 60)])
    page.wait(f"{MASK_AGAIN} > 0")
    page.wait("document.querySelector('#working-text').textContent.includes('3 / 9 · ')")
    page.press("Escape")
    wait_for(held._is_cancelled.is_set)
    gate.set()
    page.wait("document.querySelector('#working').hidden")
    assert "cancelled" in page.text("#toast")
    assert held.describe()["rounds"] == []
    assert prompted(held, 0)
    page.press("Enter")
    page.wait("document.querySelector('#round').textContent === 'Round 1'")


def test_a_reload_in_the_middle_shows_how_far_it_is(held_page, held, gate):
    page = held_page
    start(page, held, [at(32, 60), at(48, 60)])
    page.open(page.run("location.href"), (1280, 720))
    page.wait("document.querySelector('#working-text')?.textContent.includes('Still')")
    page.wait("document.querySelector('#working-text').textContent.includes('3 / 9 · ')")
    gate.set()
    page.wait("document.querySelector('#round').textContent === 'Round 1'")
    assert len(held.describe()["rounds"]) == 1


def test_two_tabs_see_the_same(page, bench):
    other = page.open_tab()
    address = page.run("location.href")
    visit(other, address)
    page.stroke("#canvas", [at(32, 60), at(48, 60)])
    wait_for(lambda: prompted(bench, 0))
    settle(page)
    other.wait("!document.querySelector('#propagate').disabled")
    other.press("Enter")
    wait_for(lambda: bench.describe()["rounds"])
    page.call("Page.bringToFront")
    page.wait("document.querySelector('#round').textContent === 'Round 1'")
    assert other.problems == []
    other.call("Page.close")


def test_a_long_clip_is_shown_in_pages(browser, tmp_path):
    with VideoWriter(tmp_path / "long.mp4", 10) as writer:
        for _ in range(320):
            writer.write(np.zeros((16, 24, 3), np.uint8))
    workbench = Workbench(
        "flow",
        open_with_tracker(load_tracker("baseline", "copy_mask"), GrabCutMask()),
        plain_workbench().guidance,
        plain_workbench().settings,
    )
    workbench.open(tmp_path / "long.mp4")
    with shown(workbench, browser, tmp_path):
        assert browser.text("#page-text") == "1 to 300"
        browser.press("PageDown")
        assert browser.text("#page-text") == "301 to 320"
        assert browser.text("#position") == "Frame 301 / 320"
        browser.press("End")
        assert browser.text("#position") == "Frame 320 / 320"
