"""The live view."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import torch

from ltr.admin.errors import ConfigError
from pytracking import FrameOutput, Runtime, segment_video
from pytracking.evaluation import create_tracker
from pytracking.evaluation.outputs.live_view import open_live_view
from tests.video_trees import label_map, textured_frame

START = """
import sys
from visdom.server.run_server import main
sys.argv = ["visdom", "-port", sys.argv[1], "-bind_local", "-env_path", sys.argv[2]]
main()
"""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextmanager
def running_server(folder: Path) -> Iterator[tuple[int, subprocess.Popen]]:
    """A visdom server: its port and its process."""
    pytest.importorskip("visdom")
    port = free_port()
    words = [sys.executable, "-c", START, str(port), str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            break
        except OSError:
            time.sleep(0.05)
    yield port, process
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of a server that all tests share."""
    with running_server(tmp_path_factory.mktemp("visdom")) as (port, _):
        yield port


def show(view) -> None:
    labels = label_map({3: (4, 4)})
    scores = torch.rand(2, *labels.shape)
    view.show("bear", textured_frame(0), FrameOutput(labels, {3: (4, 4, 7, 7)}, scores), 0.1)


class Page:
    """The browser's side: sends keys and checked boxes, reads windows."""

    def __init__(self, port: int) -> None:
        import visdom
        from websocket import create_connection

        self._socket = create_connection(f"ws://127.0.0.1:{port}/socket")
        self.client = visdom.Visdom(port=port, use_incoming_socket=False)

    def send(self, window: str, **event) -> None:
        packet = {"eid": "main", "target": window, **event}
        self._socket.send(json.dumps({"cmd": "forward_to_vis", "data": packet}))

    def press(self, key: str) -> None:
        self.send("Tracking", event_type="KeyPress", key=key)

    def check(self, window: str, position: int, value: bool) -> None:
        self.send(window, event_type="PropertyUpdate", propertyId=position, value=value)

    def boxes(self, window: str) -> list[tuple[str, bool]]:
        entries = json.loads(self.client.get_window_data(window))["content"]
        return [(entry["name"], entry["value"]) for entry in entries]

    def text(self, window: str) -> str:
        return json.loads(self.client.get_window_data(window))["content"]

    def close(self) -> None:
        self._socket.close()


def wait_until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def page(port):
    page = Page(port)
    page.client.delete_env("main")
    yield page
    page.close()


def test_frames_status_and_scores_arrive(port, page):
    show(open_live_view(debug=2, use_visdom=True, server="http://127.0.0.1", port=port))
    for window in ("Tracking", "Status", "Seg Scores 3"):
        assert page.client.win_exists(window)


def test_registered_blocks_are_listed_and_opened_and_closed(port, page):
    view = open_live_view(debug=2, use_visdom=True, server="127.0.0.1", port=port)
    data = {
        "Scores": ("heatmap", 2, torch.rand(12, 20)),
        "Features": ("featmap", 3, torch.rand(1, 3, 6, 9)),
        "Window": ("image", 3, torch.rand(3, 8, 8) * 255),
        "Loss": ("lineplot", 1, [3.0, 2.0, 1.5]),
        "Curve": ("lineplot", 1, ([3.0, 2.0], [0.1, 0.2])),
        "Note": ("text", 0, "hello"),
        "State": ("info_dict", 1, {"frame_number": 3, "score": 0.5}),
    }
    for title, (mode, level, values) in data.items():
        view.register(values, mode, level, title)
    view.register({"score": 0.25}, "info_dict", 1, "State")
    show(view)
    shown = [(title, level <= 2) for title, (_, level, _) in data.items()]
    assert page.boxes("Block List") == [*shown, ("Status", True), ("Seg Scores 3", True)]
    assert page.text("State") == "<b>frame number</b>: 3<br><b>score</b>: 0.25"
    for window in ("Scores", "Loss", "Curve", "Note", "Help"):
        assert page.client.win_exists(window)
    assert not page.client.win_exists("Features 0")
    page.check("Block List", 1, True)
    page.check("Block List", 0, False)
    wait_until(lambda: view._events.qsize() == 2)
    show(view)
    assert page.client.win_exists("Features 0")
    assert not page.client.win_exists("Scores")
    assert page.boxes("Block List")[:2] == [("Scores", False), ("Features", True)]
    page.check("Featuremap UI", 2, True)
    page.check("Featuremap UI", 0, False)
    wait_until(lambda: view._events.qsize() == 2)
    show(view)
    assert page.client.win_exists("Features 2")
    assert not page.client.win_exists("Features 0")
    with pytest.raises(ConfigError, match="did you mean 'heatmap'"):
        view.register(1, "heatmaps", 1, "Other")


def test_keys_pause_and_step(port, page):
    view = open_live_view(debug=1, use_visdom=True, server="127.0.0.1", port=port)
    show(view)
    page.press(" ")
    wait_until(lambda: view._events.qsize() == 1)
    done = []

    def work() -> None:
        for index in range(4):
            show(view)
            done.append(index)

    worker = Thread(target=work, daemon=True)
    worker.start()
    for count in (1, 2):
        page.press("ArrowRight")
        wait_until(lambda count=count: len(done) >= count)
        time.sleep(0.3)
        assert len(done) == count  # still in the pause
    page.press(" ")
    worker.join(30)
    assert done == [0, 1, 2, 3]


def test_a_lost_server_ends_a_pause_and_is_one_warning(tmp_path, caplog):
    with running_server(tmp_path) as (port, process):
        view = open_live_view(debug=1, use_visdom=True, server="127.0.0.1", port=port)
        page = Page(port)
        show(view)
        page.press(" ")
        wait_until(lambda: view._events.qsize() == 1)
        worker = Thread(target=show, args=(view,), daemon=True)
        worker.start()
        time.sleep(0.2)
        assert worker.is_alive()
        with caplog.at_level(logging.WARNING):
            process.kill()
            process.wait()
            worker.join(30)
            assert not worker.is_alive()
            show(view)
        page.close()
    assert [r.name for r in caplog.records].count("pytracking.evaluation.outputs.live_view") == 1


class Notes:
    """Collects what trackers register."""

    def __init__(self) -> None:
        self.titles: dict[str, tuple[str, int]] = {}

    def register(self, data, mode, debug_level=0, title="Data") -> None:
        self.titles[title] = (mode, debug_level)


@pytest.mark.parametrize(
    ("system", "name", "expected"),
    [
        ("dense_ulearn", "demo", {"Features": ("featmap", 3)}),
        (
            "joint",
            "joint_demo",
            {
                "First Mask 3": ("heatmap", 3),
                "Search Window 3": ("image", 3),
                "Window Scores 3": ("heatmap", 3),
                "Memory Weights 3": ("lineplot", 3),
            },
        ),
    ],
)
def test_trackers_register_what_they_compute(system, name, expected):
    notes = Notes()
    tracker = create_tracker(system, name, runtime=Runtime(inspector=notes))
    frames = [textured_frame(shift) for shift in (0, 2)]
    for _ in segment_video(tracker, frames, label_map({3: (20, 12)}, side=16)):
        pass
    assert notes.titles == expected


def test_no_server_is_one_warning(caplog):
    with caplog.at_level(logging.WARNING):
        assert open_live_view(1, True, "127.0.0.1", free_port()) is None
    assert len(caplog.records) == 1
    assert "no live view" in caplog.text


@pytest.mark.parametrize(("debug", "use_visdom"), [(0, True), (1, False)])
def test_nothing_is_tried_unless_wanted(debug, use_visdom, caplog):
    assert open_live_view(debug, use_visdom, "nowhere.invalid", 1) is None
    assert not caplog.records
