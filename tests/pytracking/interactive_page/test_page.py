"""The page in a browser: every tool, ranges, objects, views, touch, keys."""

from __future__ import annotations

import numpy as np
import pytest

from ltr.data.image_io import decode_label_map
from pytracking import Point, Prompt, VideoSession, load_tracker
from pytracking.evaluation.sessions.rounds import say
from pytracking.utils.video_reader import read_video
from tests.pytracking.interactive_page.page_in_browser import (
    LENGTH,
    at,
    labels,
    prompted,
    settle,
    steps,
    wait_for,
)


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


def test_a_mask_that_was_undone_while_it_was_asked_for_is_no_error(page):
    page.run(
        "new Promise((done) => { const image = new Image(); image.src = 'masks/0.png';"
        " image.onload = image.onerror = () => done(null); })"
    )


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
    before = decode_label_map(bench.mask_png(4, before=True))
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
