"""The page in a browser: every tool, ranges, cancel, reload in the middle, tabs, touch, keys."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from ltr.data.image_io import decode_label_map
from pytracking import Point, Prompt, VideoSession, load_tracker
from pytracking.evaluation.sessions.rounds import say
from pytracking.interactive_page.opening import open_with_tracker
from pytracking.interactive_page.workbench import Workbench
from pytracking.tracker.interactive.scribble_mask import GrabCutMask
from pytracking.utils.video_reader import read_video
from pytracking.utils.video_writer import VideoWriter
from tests.browser import Browser, chromium, open_browser
from tests.page_server import flow_workbench, plain_workbench, running_page

LENGTH, SIZE = 8, (96, 160)


def scene(time_index: int) -> np.ndarray:
    """A red disc that moves right over grass, and a blue square that stays."""
    rng = np.random.default_rng(0)
    frame = rng.integers(70, 100, (*SIZE, 3), np.uint8)
    cv2.rectangle(frame, (110, 10), (140, 40), (40, 60, 230), -1)
    cv2.circle(frame, (40 + 4 * time_index, 60), 18, (230, 50, 40), -1)
    return frame


@pytest.fixture
def clip(tmp_path) -> Path:
    with VideoWriter(tmp_path / "disc.mp4", 10) as writer:
        for index in range(LENGTH):
            writer.write(scene(index))
    return tmp_path / "disc.mp4"


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    chromium()
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


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


@pytest.fixture
def bench(clip) -> Workbench:
    workbench = flow_workbench(find=find)
    workbench.open(clip)
    return workbench


@pytest.fixture
def page(bench, browser, tmp_path) -> Iterator[Browser]:
    with shown(bench, browser, tmp_path):
        yield browser


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
        assert not [text for text in browser.problems if not any(map(text.count, refusals))]
        assert all(url.startswith((address, "data:", "about:")) for url in browser.requests)


def visit(browser: Browser, address: str, size: tuple[int, int] = (1280, 720)) -> None:
    browser.requests.clear()
    browser.problems.clear()
    browser.exceptions.clear()
    browser.open(address, size)
    browser.wait("document.body?.dataset.ready === 'true'")


def labels(bench: Workbench, frame: int) -> np.ndarray:
    return decode_label_map(bench.mask_png(frame), "mask")


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


def test_each_tool_is_seen_before_any_propagation(page, bench):
    page.stroke("#canvas", [at(32, 60), at(40, 60), at(48, 60)])
    steps(page, bench, 1)
    assert labels(bench, 0)[60, 40] == 1
    page.press("x")
    page.stroke("#canvas", [at(5, 5)])
    steps(page, bench, 2)
    assert prompted(bench, 0)[0]["points"] == [[5, 5, 0]]
    page.press("a")
    page.press("b")
    page.stroke("#canvas", [at(106, 6), at(145, 45)])
    steps(page, bench, 3)
    assert labels(bench, 0)[25, 125] == 2
    assert prompted(bench, 0)[1]["box"] == (106.0, 6.0, 39.0, 39.0)
    page.press("a")
    page.press("p")
    page.stroke("#canvas", [at(80, 85)])
    steps(page, bench, 4)
    assert labels(bench, 0)[85, 80] == 3
    page.press("r")
    page.stroke("#canvas", [at(10, 80), at(30, 80)])
    steps(page, bench, 5)
    assert labels(bench, 0)[80, 20] == 3
    page.press("e")
    page.stroke("#canvas", [at(10, 80), at(14, 80)])
    steps(page, bench, 6)
    assert labels(bench, 0)[80, 10] == 0
    assert labels(bench, 0)[80, 30] == 3
    page.press("z", modifiers=2)
    steps(page, bench, 5)
    assert labels(bench, 0)[80, 10] == 3
    assert not bench.session.is_done(0)


def test_the_page_a_session_and_its_prompts_give_the_same_bits(page, bench, clip):
    page.press("p")
    page.stroke("#canvas", [at(40, 60)])
    wait_for(lambda: prompted(bench, 0))
    settle(page)
    page.press("x")
    page.stroke("#canvas", [at(5, 5)])
    wait_for(lambda: len(prompted(bench, 0)[0]["points"]) == 2)
    settle(page)
    page.press("Enter")
    page.wait("document.querySelector('#round').textContent === 'Round 1'")
    tracker = load_tracker("baseline", "optical_flow")
    with VideoSession(tracker, read_video(clip)) as session:
        say(session, 0, [Prompt(1, points=(Point(40, 60), Point(5, 5, False)))])
        list(session.propagate())
        for frame in range(LENGTH):
            np.testing.assert_array_equal(bench.session.result(frame), session.result(frame))


def test_forward_backward_and_a_range(page, bench):
    page.press("ArrowRight")
    page.press("ArrowRight")
    page.press("ArrowRight")
    page.press("b")
    page.stroke("#canvas", [at(30, 38), at(76, 84)])
    wait_for(lambda: prompted(bench, 3))
    settle(page)
    page.press("ArrowRight")
    page.press("ArrowRight")
    page.click("#mark")
    assert page.text("#mark") == "End: 6"
    page.press("ArrowLeft")
    page.press("ArrowLeft")
    page.click("#forward")
    page.wait("document.querySelector('#round').textContent === 'Round 1'")
    assert [bench.session.is_done(i) for i in range(LENGTH)] == [
        *[False] * 3,
        *[True] * 3,
        *[False] * 2,
    ]
    page.press(",")
    page.wait("document.querySelector('#round').textContent === 'Round 2'")
    assert bench.session.is_done(0)
    assert not bench.session.is_done(7)


def test_objects_are_renamed_coloured_hidden_and_removed(page, bench):
    page.press("b")
    page.stroke("#canvas", [at(20, 38), at(62, 84)])
    wait_for(lambda: prompted(bench, 0))
    settle(page)
    page.press("F2")
    page.run("document.querySelector('#objects input[type=text]').value = ''")
    page.type("Red disc")
    page.press("Enter")
    wait_for(lambda: bench.describe()["objects"][0]["name"] == "Red disc")
    page.run(
        "(() => { const f = document.querySelector('#objects .colour'); f.value = '#00ff80';"
        " f.onchange(); })()"
    )
    wait_for(lambda: bench.describe()["objects"][0]["colour"] == (0, 255, 128))
    page.click("#objects .eye")
    page.wait("document.querySelector('#objects .eye').textContent === '○'")
    page.wait("performance.getEntriesByType('resource').some((e) => e.name.includes('hide=1'))")
    page.press("Delete")
    wait_for(lambda: not bench.describe()["objects"])
    settle(page)
    page.press("z", modifiers=2)
    wait_for(lambda: bench.describe()["objects"])


def recolour(page, bench):
    """An answer of the server, which the page shows."""
    page.run(
        "(() => { const f = document.querySelector('#objects .colour'); f.value = '#00ff80';"
        " f.onchange(); })()"
    )
    wait_for(lambda: bench.describe()["objects"][0]["colour"] == (0, 255, 128))
    settle(page)


@pytest.fixture
def boxed(page, bench):
    """A page with a box around the disc in the first frame."""
    page.press("b")
    page.stroke("#canvas", [at(20, 38), at(62, 84)])
    wait_for(lambda: prompted(bench, 0))
    settle(page)
    return page


def test_an_answer_between_press_and_release_loses_no_click(boxed, bench):
    place = boxed.press_on("#objects .eye")
    recolour(boxed, bench)
    boxed.release(place)
    assert boxed.text("#objects .eye") == "○"
    place = boxed.press_on("#undo")
    recolour(boxed, bench)
    boxed.release(place)
    wait_for(lambda: not bench.describe()["objects"])


def test_an_answer_leaves_what_is_typed_and_the_focus(boxed, bench):
    boxed.press("F2")
    boxed.type("Half a ")
    recolour(boxed, bench)
    boxed.type("name")
    boxed.press("Enter")
    wait_for(lambda: bench.describe()["objects"][0]["name"] == "Half a name")
    boxed.click("#find-text")
    boxed.type("the blue ")
    recolour(boxed, bench)
    boxed.type("square")
    boxed.press("Enter")
    boxed.wait("document.querySelector('#position').textContent === 'Frame 4 / 8'")
    assert bench.describe()["objects"][1]["name"] == "the blue square"


def test_what_is_done_before_the_answer_is_done_after_it(page, bench):
    page.press("b")
    page.stroke("#canvas", [at(20, 38), at(62, 84)])
    page.press("a")
    page.stroke("#canvas", [at(106, 6), at(145, 45)])
    page.press("z", modifiers=2)
    page.press("Enter")
    page.wait("document.querySelector('#round').textContent === 'Round 1'")
    assert [own["id"] for own in bench.describe()["objects"]] == [1]
    page.press("z", modifiers=2)
    page.press("z", modifiers=2)
    wait_for(lambda: not bench.describe()["objects"])


def test_zoom_and_pan_keep_the_pointer_on_its_pixel(page, bench):
    page.wheel("#canvas", -400)
    page.wait("document.querySelector('#zoom-fit').textContent !== '100 %'")
    page.press("p")
    page.stroke("#canvas", [(0.5, 0.5)])
    wait_for(lambda: prompted(bench, 0))
    settle(page)
    x, y, _ = prompted(bench, 0)[0]["points"][0]
    assert abs(x - 80) <= 1
    assert abs(y - 48) <= 1
    page.press("h")
    page.stroke("#canvas", [(0.5, 0.5), (0.3, 0.5), (0.2, 0.5)])
    settle(page)
    page.press("p")
    page.stroke("#canvas", [(0.5, 0.5)])
    wait_for(lambda: len(prompted(bench, 0)[0]["points"]) == 2)
    moved = prompted(bench, 0)[0]["points"][1][0]
    assert 85 < moved < 110
    page.press("z")
    assert page.text("#zoom-fit") == "100 %"


def test_keys_alone_can_draw(page, bench):
    page.press("b")
    page.press("ArrowLeft", modifiers=1)
    page.press("k")
    for _ in range(4):
        page.press("ArrowDown", modifiers=1)
        page.press("ArrowRight", modifiers=1)
    page.press("k")
    wait_for(lambda: prompted(bench, 0))
    settle(page)
    x, y, width, height = prompted(bench, 0)[0]["box"]
    assert (x, y) == (76, 48)
    assert (width, height) == (13, 7)


def test_a_finger_draws_too(page, bench):
    page.call("Emulation.setTouchEmulationEnabled", enabled=True)
    page.touch("#canvas", [at(32, 60), at(40, 60), at(48, 60)])
    wait_for(lambda: prompted(bench, 0))
    settle(page)
    page.call("Emulation.setTouchEmulationEnabled", enabled=False)
    assert labels(bench, 0)[60, 40] == 1


def test_a_sentence_leads_to_its_key_frame(page, bench):
    page.click("#find-text")
    page.type("the blue square")
    page.press("Enter")
    page.wait("document.querySelector('#position').textContent === 'Frame 4 / 8'")
    assert page.text("#objects").startswith("the blue square")
    assert labels(bench, 3)[25, 125] == 1
    page.click("#find-all")
    wait_for(lambda: len(bench.describe()["objects"]) == 2)


def test_compare_shows_the_round_before(page, bench):
    page.press("b")
    page.stroke("#canvas", [at(20, 38), at(62, 84)])
    wait_for(lambda: prompted(bench, 0))
    settle(page)
    page.press("Enter")
    page.wait("document.querySelector('#round').textContent === 'Round 1'")
    before = decode_label_map(bench.mask_png(4, before=True), "mask")
    assert not before.any()
    page.press("c")
    page.wait("performance.getEntriesByType('resource').some((e) => e.name.includes('before=1'))")


def test_dark_and_light(page):
    looks = []
    page.run("document.documentElement.dataset.theme = 'dark'")
    for _ in range(2):
        ground = page.run("getComputedStyle(document.body).backgroundColor")
        veil = page.run("getComputedStyle(document.querySelector('#zoom')).backgroundColor")
        page.run("window.dispatchEvent(new Event('resize'))")  # draws the strip
        place = "document.querySelector('#strip')"
        strip = page.run(f"[...{place}.getContext('2d').getImageData(30, 12, 1, 1).data].join()")
        looks.append((ground, veil, strip))
        page.press("t")
    assert [look[1] for look in looks] == ["rgba(28, 31, 37, 0.94)", "rgba(255, 255, 255, 0.94)"]
    assert [look[2] for look in looks] == ["44,49,58,255", "217,221,228,255"]
    assert looks[0][0] != looks[1][0]
    page.run("localStorage.clear()")


@pytest.mark.parametrize("size", [(1280, 720), (820, 1180), (400, 800)])
def test_everything_fits_on_the_screen(page, size):
    page.resize(*size)
    page.wait("document.querySelector('#canvas').clientWidth > 100")
    page.wait("document.documentElement.scrollWidth <= window.innerWidth")
    page.wait("document.documentElement.scrollHeight <= window.innerHeight")


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
