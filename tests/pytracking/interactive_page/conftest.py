"""A browser, and the page of a small clip in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytracking.interactive_page.workbench import Workbench
from pytracking.utils.video_writer import VideoWriter
from tests.browser import Browser, chromium, open_browser
from tests.page_server import flow_workbench
from tests.pytracking.interactive_page.page_in_browser import (
    LENGTH,
    at,
    find,
    prompted,
    scene,
    settle,
    shown,
    wait_for,
)


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


@pytest.fixture
def bench(clip) -> Workbench:
    workbench = flow_workbench(find=find)
    workbench.open(clip)
    return workbench


@pytest.fixture
def page(bench, browser, tmp_path) -> Iterator[Browser]:
    with shown(bench, browser, tmp_path):
        yield browser


@pytest.fixture
def boxed(page, bench):
    """A page with a box around the disc in the first frame."""
    page.press("b")
    page.stroke("#canvas", [at(20, 38), at(62, 84)])
    wait_for(lambda: prompted(bench, 0))
    settle(page)
    return page
