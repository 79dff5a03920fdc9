from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytracking import load_tracker, run_label_studio
from pytracking.backends.label_studio import LabelStudioTracking
from pytracking.backends.label_studio_server import BackendServer, start
from pytracking.evaluation.outputs.exchange.label_studio import decode_brush, encode_brush
from tests.pytracking.clips import bar_mask, numbered_frames, write_clip, write_folder

LENGTH = 6


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    write_folder(tmp_path / "data" / "bar", numbered_frames(LENGTH))
    write_clip(tmp_path / "data" / "bar.mp4", numbered_frames(LENGTH))
    (tmp_path / "secret.mp4").write_bytes((tmp_path / "data" / "bar.mp4").read_bytes())
    os.symlink(tmp_path / "secret.mp4", tmp_path / "data" / "link.mp4")
    return tmp_path / "data"


class Client:
    """Talks to a backend as Label Studio does."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.headers = {"Content-Type": "application/json"}

    def send(self, path: str, content: Any = None, raw: bytes | None = None) -> tuple[int, Any]:
        body = raw if raw is not None else None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.address + path, body, self.headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            body = error.read()
            return error.code, json.loads(body) if body.startswith(b"{") else {}


def serving(server: BackendServer) -> Iterator[Client]:
    """A client of a server that runs in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    runner, address = asyncio.run_coroutine_threadsafe(start(server, "127.0.0.1", 0), loop).result()
    try:
        yield Client(address)
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def client(clips: Path) -> Iterator[Client]:
    tracker = load_tracker("baseline", "optical_flow")
    yield from serving(BackendServer(LabelStudioTracking(tracker, clips), "flow"))


def brush(mask: np.ndarray, name: str) -> dict[str, Any]:
    value = {"format": "rle", "rle": encode_brush(mask), "brushlabels": [name]}
    return {"type": "brushlabels", "id": "a", "value": value, "original_width": mask.shape[1],
            "original_height": mask.shape[0]}  # fmt: skip


def test_health_and_setup(client: Client) -> None:
    assert client.send("/health") == (200, {"status": "UP", "model_class": "flow"})
    setup = {"project": "1.0", "schema": "<View/>", "hostname": "http://localhost:8080"}
    assert client.send("/setup", setup) == (200, {"model_version": "flow"})


def test_boxes_are_tracked_through_a_video(client: Client) -> None:
    rows, columns = np.nonzero(bar_mask(1))
    width, height = 64, 48
    keyframe = {
        "frame": 2,
        "enabled": True,
        "rotation": 0,
        "x": 100 * float(columns.min()) / width,
        "y": 100 * float(rows.min()) / height,
        "width": 100 * float(np.ptp(columns) + 1) / width,
        "height": 100 * float(np.ptp(rows) + 1) / height,
        "time": 0.04,
    }
    value = {"framesCount": LENGTH, "duration": LENGTH / 25, "sequence": [keyframe]}
    region = {"id": "r1", "type": "videorectangle", "from_name": "box", "to_name": "video",
              "value": {**value, "labels": ["Bar"]}}  # fmt: skip
    task = {"id": 1, "data": {"video": "/data/local-files/?d=bar.mp4"},
            "annotations": [{"result": [region]}]}  # fmt: skip
    status, content = client.send("/predict", {"tasks": [task], "project": "1"})
    assert status == 200
    (found,) = content["results"][0]["result"]
    assert (found["id"], found["value"]["labels"]) == ("r1", ["Bar"])
    sequence = found["value"]["sequence"]
    assert [entry["frame"] for entry in sequence] == [2, 3, 4, 5, 6]
    for entry in sequence:
        truth = np.nonzero(bar_mask(entry["frame"] - 1))[1]
        assert entry["x"] * width / 100 == pytest.approx(truth.min(), abs=4)
        assert entry["enabled"]
        assert entry["time"] == pytest.approx((entry["frame"] - 1) / 25)


def test_an_annotated_frame_is_carried_to_the_others(client: Client) -> None:
    def task(index: int) -> dict[str, Any]:
        return {"id": index, "data": {"image": f"bar/{index:05d}.png"}}

    status, content = client.send("/predict", {"tasks": [task(3)]})
    assert (status, content["results"][0]["result"]) == (200, [])
    event = {"action": "ANNOTATION_CREATED", "task": task(2),
             "annotation": {"result": [brush(bar_mask(2), "Bar")]}}  # fmt: skip
    assert client.send("/webhook", event)[0] == 200
    for index in (4, 0):
        status, content = client.send("/predict", {"tasks": [task(index)]})
        (found,) = content["results"][0]["result"]
        assert found["value"]["brushlabels"] == ["Bar"]
        mask, truth = decode_brush(found["value"]["rle"], (48, 64)), bar_mask(index)
        assert (mask & truth).sum() / (mask | truth).sum() > 0.6


def test_bad_requests_are_answered_and_the_server_goes_on(client: Client) -> None:
    for raw in (
        b"",
        b"[]",
        b"{",
        b'{"tasks": 3}',
        b'{"tasks": [{}]}',
        b'{"tasks": [{"data": {}}]}',
    ):
        status, content = client.send("/predict", raw=raw)
        assert status == 400
        assert "not one of Label Studio" in content["error"]
    for name in ("../secret.mp4", "/etc/passwd", "link.mp4", "no.mp4", "a\0b", "http://x/y"):
        status, content = client.send("/predict", {"tasks": [{"data": {"video": name}}]})
        assert status == 400
        assert "is not a file below" in content["error"]
    assert client.send("/predict", {"tasks": [{}] * 101})[0] == 400
    assert client.send("/nothing")[0] == 404
    assert client.send("/health")[0] == 200


def test_pages_of_strangers_are_refused(client: Client) -> None:
    port = client.address.rpartition(":")[2]
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": client.address},
        {"Host": f"evil.example:{port}"},  # a name of a stranger that leads to this machine
        {"Host": f"127.0.0.1.evil.example:{port}"},
        {"Host": ""},
    ):
        client.headers = headers
        for path in ("/health", "/predict"):
            status, content = client.send(path, raw=b"{}" if path == "/predict" else None)
            assert (status, content["error"]) == (403, "this backend answers Label Studio only")
    client.headers = {"Host": f"host.docker.internal:{port}"}
    assert client.send("/health")[0] == 200


def test_hostile_requests_are_answered(client: Client) -> None:
    image = {"data": {"image": "bar/00000.png"}}
    for value in ({"rle": 10**9, "brushlabels": ["a"]}, {"rle": [1] * 9, "brushlabels": ["a"]}):
        region = {"type": "brushlabels", "value": value}
        task = {**image, "annotations": [{"result": [region]}]}
        assert client.send("/predict", {"tasks": [task]})[0] == 400
    assert client.send("/predict", raw=b"[" * 200_000)[0] == 400
    assert client.send("/predict", raw=b'{"tasks": ' + b"9" * 5000 + b"}")[0] == 400


def test_requests_do_not_pile_up(client: Client) -> None:
    body = json.dumps({"tasks": [{"data": {"image": "bar/00000.png"}}]}).encode()
    with ThreadPoolExecutor(60) as pool:
        found = list(pool.map(lambda _: client.send("/predict", raw=body)[0], range(60)))
    assert set(found) <= {200, 503}
    assert 200 in found
    port = int(client.address.rpartition(":")[2])
    head = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 99\r\n\r\n" % port
    with ExitStack() as stack:
        for _ in range(9):  # bodies that do not come
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(head)
        assert b"503" in connection.recv(100)
        assert client.send("/health")[0] == 200


def test_a_password_is_asked_for(clips: Path) -> None:
    tracker = load_tracker("baseline", "copy_mask")
    server = BackendServer(LabelStudioTracking(tracker, clips), "copy", "open sesame")
    for client in serving(server):
        assert client.send("/health")[0] == 401
        client.headers["Authorization"] = "Basic " + base64.b64encode(b"me:wrong").decode()
        assert client.send("/health")[0] == 401
        client.headers["Authorization"] = "Basic " + base64.b64encode(b"me:open sesame").decode()
        assert client.send("/health")[0] == 200


def test_wrong_words_are_one_sentence(
    clips: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("VOS_BACKEND_PASSWORD", raising=False)
    words = ["baseline", "copy_mask", "--data", str(clips)]
    assert run_label_studio.main([*words, "--host", "0.0.0.0"]) == 2
    assert "needs a password" in capsys.readouterr().err
    assert run_label_studio.main([*words[:3], str(clips / "no")]) == 2
    assert run_label_studio.main([*words, "--port", "70000"]) == 2
