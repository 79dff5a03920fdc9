"""The live view."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import time

import pytest
import torch

from pytracking import FrameOutput
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


@pytest.fixture
def server(tmp_path):
    """A running visdom server: its port and its process."""
    pytest.importorskip("visdom")
    port = free_port()
    words = [sys.executable, "-c", START, str(port), str(tmp_path)]
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


def show(view) -> None:
    labels = label_map({3: (4, 4)})
    scores = torch.rand(2, *labels.shape)
    view.show("bear", textured_frame(0), FrameOutput(labels, {3: (4, 4, 7, 7)}, scores), 0.1)


def test_frames_arrive_and_a_lost_server_is_one_warning(server, caplog):
    import visdom

    port, process = server
    view = open_live_view(debug=2, use_visdom=True, server="http://127.0.0.1", port=port)
    show(view)
    client = visdom.Visdom(port=port, use_incoming_socket=False)
    for window in ("Tracking", "Status", "Seg Scores 3"):
        assert client.win_exists(window)
    process.kill()
    process.wait()
    with caplog.at_level(logging.WARNING):
        show(view)
        show(view)
    assert [r.name for r in caplog.records].count("pytracking.evaluation.outputs.live_view") == 1


def test_no_server_is_one_warning(caplog):
    with caplog.at_level(logging.WARNING):
        assert open_live_view(1, True, "127.0.0.1", free_port()) is None
    assert len(caplog.records) == 1
    assert "no live view" in caplog.text


@pytest.mark.parametrize(("debug", "use_visdom"), [(0, True), (1, False)])
def test_nothing_is_tried_unless_wanted(debug, use_visdom, caplog):
    assert open_live_view(debug, use_visdom, "nowhere.invalid", 1) is None
    assert not caplog.records
