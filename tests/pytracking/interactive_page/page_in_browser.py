"""A page with a small clip in a browser, and how its tests wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from ltr.data.image_io import decode_label_map
from pytracking import Prompt
from pytracking.interactive_page.workbench import Workbench
from tests.browser import Browser
from tests.page_server import running_page

LENGTH, SIZE = 8, (96, 160)


def scene(time_index: int) -> np.ndarray:
    """A red disc that moves right over grass, and a blue square that stays."""
    rng = np.random.default_rng(0)
    frame = rng.integers(70, 100, (*SIZE, 3), np.uint8)
    cv2.rectangle(frame, (110, 10), (140, 40), (40, 60, 230), -1)
    cv2.circle(frame, (40 + 4 * time_index, 60), 18, (230, 50, 40), -1)
    return frame


def find(
    frames: Sequence[np.ndarray], text: str, check: Callable[[], None]
) -> list[tuple[int, Prompt]]:
    """The square for any sentence; the disc in the first frame without one."""
    mask = np.zeros(SIZE, bool)
    if text:
        mask[10:41, 110:141] = True
        return [(3, Prompt(mask=mask))]
    mask[45:75, 25:55] = True
    return [(0, Prompt(mask=mask))]


@contextmanager
def shown(
    bench: Workbench, browser: Browser, folder: Path, refusals: Sequence[str] = ()
) -> Iterator[None]:
    """The page of a workbench in the browser; it asks only its server, and nothing else fails."""
    with running_page(bench, folder / "own") as address:
        try:
            visit(browser, address)
            yield
        finally:
            browser.call("Page.navigate", url="about:blank")  # it asks the server now and then
        found = [text for text in browser.problems if not any(map(text.count, refusals))]
        assert not found, found
        assert all(url.startswith((address, "data:", "about:")) for url in browser.requests)


def visit(browser: Browser, address: str, size: tuple[int, int] = (1280, 720)) -> None:
    browser.requests.clear()
    browser.problems.clear()
    browser.exceptions.clear()
    browser.open(address, size)
    browser.wait("document.body?.dataset.ready === 'true'")


def labels(bench: Workbench, frame: int) -> np.ndarray:
    return decode_label_map(bench.mask_png(frame))


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    """Wait for the server."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def settle(page: Browser) -> None:
    """Wait until the page knows what the server has done."""
    page.wait("document.querySelector('#stage').ariaBusy === 'false'")


def steps(page: Browser, bench: Workbench, count: int) -> None:
    """Wait until so many steps are done and drawn."""
    wait_for(lambda: len(bench._history) == count)
    settle(page)


def prompted(bench: Workbench, frame: int) -> list[dict]:
    own = [entry for entry in bench.describe()["prompts"] if entry["frame"] == frame]
    return own[0]["objects"] if own else []


def at(x: float, y: float) -> tuple[float, float]:
    """Fractions of the middle of a pixel."""
    return (x + 0.5) / SIZE[1], (y + 0.5) / SIZE[0]
