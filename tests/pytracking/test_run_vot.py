"""Trackers under the VOT toolkit: its protocol is spoken by the client of vot-trax."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import write_image
from pytracking import run_vot as command
from pytracking.evaluation.running import vot
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.tracker.base import Runtime
from tests.video_trees import SHAPE, label_map, textured_frame

trax = pytest.importorskip("trax")
from trax.client import Client  # noqa: E402

COMMAND = Path(command.__file__)


@pytest.fixture
def frames(tmp_path):
    """Three frames that move right by two pixels each."""
    for index in range(3):
        write_image(tmp_path / f"{index}.png", textured_frame(2 * index))
    return [{"color": trax.FileImage.create(str(tmp_path / f"{i}.png"))} for i in range(3)]


@pytest.fixture
def connect(monkeypatch):
    """Serve the baseline in a thread and connect to it; the thread ends with the client."""
    threads = []

    def open_client(name="copy_mask", region="mask", multiobject=False) -> Client:
        listening = socket.create_server(("127.0.0.1", 0))
        monkeypatch.setenv("TRAX_SOCKET", str(listening.getsockname()[1]))

        def serve() -> None:
            spec = TrackerSpec("baseline", name)
            with contextlib.suppress(DataError):
                vot.run_vot(spec, Runtime(), region, multiobject)

        threads.append(Thread(target=serve))
        threads[-1].start()
        client = Client(listening.fileno(), timeout=10, log=lambda text: None)
        listening.close()
        return client

    yield open_client
    for thread in threads:
        thread.join(30)


def test_masks_go_in_and_come_out(connect, frames):
    client = connect("optical_flow")
    assert (client.region_formats, client.image_formats) == (["mask"], ["path"])
    assert (client.channels, client.get("vot")) == (["color"], "python")
    square = label_map({1: (10, 20)})
    found, _ = client.initialize(frames[0], [(trax.Mask.create(square), {})], {})
    assert np.array_equal(found[0][0].array(), square)
    for index in (1, 2):
        found, _ = client.frame(frames[index], {}, [])
        mask = found[0][0].array(normalize=True)
        expected = label_map({1: (10 + 2 * index, 20)})
        assert mask.shape == SHAPE
        assert (mask & expected).sum() / (mask | expected).sum() > 0.7
        assert found[0][1] == {"confidence": "1.0"}
    client.quit()


def test_a_small_mask_is_placed_by_its_offset(connect, frames):
    client = connect()
    part = trax.Mask.create(np.ones((3, 4), np.uint8), x=7, y=5)
    client.initialize(frames[0], [(part, {})], {})
    found, _ = client.frame(frames[1], {}, [])
    mask = found[0][0].array(normalize=True)
    assert mask.shape == SHAPE
    assert mask[5:8, 7:11].all()
    assert mask.sum() == 12
    client.quit()


def test_masks_are_filled_up_and_cut_at_the_right_and_the_bottom():
    mask = np.arange(1, 13).reshape(3, 4)
    assert vot.fit_mask(mask, (2, 6)).tolist() == [[1, 2, 3, 4, 0, 0], [5, 6, 7, 8, 0, 0]]
    assert vot.fit_mask(mask, (4, 2)).tolist() == [[1, 2], [5, 6], [9, 10], [0, 0]]


@pytest.mark.parametrize("region", ["rectangle", "polygon"])
def test_boxes_and_polygons_get_rectangles(connect, frames, region):
    client = connect(region=region)
    assert client.region_formats == [region]
    given = trax.Rectangle.create(10, 20, 8, 6)
    if region == "polygon":
        given = trax.Polygon.create([(12.0, 20.0), (18.0, 21.0), (17.0, 26.0), (10.0, 25.0)])
    client.initialize(frames[0], [(given, {})], {})
    found, _ = client.frame(frames[1], {}, [])
    x, y, width, height = vot.bounds(found[0][0])
    assert (x, y) == (10, 20)
    assert (width, height) in {(8, 6), (7, 5)}
    client.quit()


def test_several_objects_and_a_new_one(connect, frames):
    client = connect(multiobject=True)
    assert client.get("multiobject") is True
    squares = [label_map({1: place}) for place in ((2, 2), (30, 20), (48, 4))]
    given = [(trax.Mask.create(square), {}) for square in squares]
    client.initialize(frames[0], given[:2], {})
    found, _ = client.frame(frames[1], {}, given[2:])
    assert [int(region.array().sum()) for region, _ in found] == [64, 64, 64]
    found, _ = client.frame(frames[2], {}, [])
    for (region, _), square in zip(found, squares, strict=True):
        assert np.array_equal(region.array(normalize=True), square)
    client.quit()


def test_a_second_start_is_a_new_video(connect, frames):
    client = connect()
    for place in ((2, 2), (30, 20)):
        square = label_map({1: place})
        client.initialize(frames[0], [(trax.Mask.create(square), {})], {})
        found, _ = client.frame(frames[1], {}, [])
        assert len(found) == 1
        assert np.array_equal(found[0][0].array(normalize=True), square)
    client.quit()


def test_a_missing_frame_ends_the_server_with_its_reason(connect, frames, tmp_path):
    client = connect()
    client.initialize(frames[0], [(trax.Mask.create(label_map({1: (2, 2)})), {})], {})
    with pytest.raises(trax.TraxException, match=r"nowhere\.png"):
        client.frame({"color": trax.FileImage.create(str(tmp_path / "nowhere.png"))}, {}, [])


def test_the_command_speaks_on_its_standard_streams(frames):
    words = [sys.executable, str(COMMAND), "baseline", "copy_mask", "--device", "cpu", "--quiet"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {key: value for key, value in os.environ.items() if key != "TRAX_SOCKET"}
    with subprocess.Popen(words, env=environment, **pipes) as process:
        streams = (process.stdin.fileno(), process.stdout.fileno())
        client = Client(streams, timeout=60, log=lambda text: None)
        square = label_map({1: (10, 20)})
        client.initialize(frames[0], [(trax.Mask.create(square), {})], {})
        found, _ = client.frame(frames[1], {}, [])
        assert np.array_equal(found[0][0].array(normalize=True), square)
        client.quit()
        assert process.wait(60) == 0
        assert b"2 frames" in process.stderr.read()


def test_only_trackers_that_see_frame_by_frame(capsys):
    assert command.main(["propose_reduce", "ytvis19_r50"]) == 2
    assert "it needs all frames of a video" in capsys.readouterr().err


def test_the_call_of_pytracking_needs_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "trax", None)
    with pytest.raises(ConfigError, match=r"pip install 'vos-toolkit\[vot\]'"):
        vot.run_vot2020("baseline", "copy_mask", run_id=3)
