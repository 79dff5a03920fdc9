"""The page's server: what it refuses, and that it tells why."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from tests.page_server import plain_workbench, running_page, write_clip

STROKE = {"object_id": 1, "path": [[0.2, 0.5], [0.5, 0.5]]}


@pytest.fixture
def page(tmp_path):
    workbench = plain_workbench(max_upload_mib=1)
    workbench.open(write_clip(tmp_path / "clip.mp4"))
    with running_page(workbench, tmp_path / "own") as address:
        yield address


def ask(
    page: str, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection(urlsplit(page).netloc, timeout=60)
    connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    try:
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def sentence(body: bytes) -> str:
    return json.loads(body)["error"]


def test_it_serves_the_page_and_nothing_from_elsewhere(page):
    assert urlsplit(page).hostname == "127.0.0.1"
    for path, kind in (("/", "html"), ("/page.js", "javascript"), ("/page.css", "css")):
        status, body, headers = ask(page, "GET", path)
        assert status == 200
        assert kind in headers["Content-Type"]
        assert b"http://" not in body
        assert b"https://" not in body
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    for path in ("/../server.py", "/static/page.js", "/frames/99.jpg", "/masks/0.png"):
        assert ask(page, "GET", path)[0] == 404


def test_other_pages_are_refused(page):
    port = urlsplit(page).port
    for headers in (
        {"Origin": "http://example.org"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{port + 1}"},
        {"Host": "example.org"},
        {"Host": f"evil.example:{port}"},
    ):
        for method, path in (("GET", "/api/state"), ("POST", "/api/undo"), ("GET", "/")):
            assert ask(page, method, path, **headers)[0] == 403
    for headers in ({"Origin": f"http://localhost:{port}"}, {"Host": f"localhost:{port}"}):
        assert ask(page, "GET", "/api/state", **headers)[0] == 200


def test_a_round_and_its_undo(page):
    record = json.dumps({"frame": 1, "lines": [STROKE]}).encode()
    status, body, _ = ask(page, "POST", "/api/propagate", record)
    assert status == 200
    assert len(json.loads(body)["quality"]) == 5
    assert ask(page, "GET", "/masks/4.png")[1].startswith(b"\x89PNG")
    assert ask(page, "GET", "/frames/4.jpg")[1].startswith(b"\xff\xd8")
    assert ask(page, "POST", "/api/undo")[0] == 200
    status, body, _ = ask(page, "POST", "/api/undo")
    assert (status, sentence(body)) == (400, "there is no round to take back")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "a frame and its lines"),
        (b'{"frame": "0", "lines": []}', "frame number"),
        (b'{"frame": 0, "lines": [{"path": [[0, NaN]], "object_id": 1}]}', "between 0 and 1"),
        (b'{"frame": 0, "lines": [{"path": [[2, 0]], "object_id": 1}]}', "between 0 and 1"),
        (b'{"frame": 0, "lines": [{"path": [[0.5, 0.5]], "object_id": 99}]}', "objects are"),
        (b'{"frame": 0, "lines": [7]}', "path"),
        (b'{"frame": 77, "lines": [{"path": [[0.5, 0.5]], "object_id": 1}]}', "no frame 77"),
    ],
)
def test_wrong_rounds_are_one_sentence(page, body, words):
    status, answer, _ = ask(page, "POST", "/api/propagate", body)
    assert status == 400
    assert words in sentence(answer)


def test_uploads_are_limited_and_stay_in_the_folder(page, tmp_path):
    clip = write_clip(tmp_path / "other.mp4", frames=3).read_bytes()
    name = quote("../../évil name.mp4")
    status, body, _ = ask(page, "POST", f"/api/clip?name={name}", clip)
    assert status == 200
    assert json.loads(body)["clip"]["name"] == "évil_name"
    assert json.loads(body)["clip"]["frames"] == 3
    assert [path.suffix for path in (tmp_path / "own").iterdir()] == [".mp4"]
    before = set(tmp_path.rglob("*"))
    assert ask(page, "POST", "/api/clip?name=x.mp4", b"0" * ((1 << 20) + 1))[0] == 413
    assert ask(page, "POST", "/api/clip?name=x.mp4", b"no video")[0] == 400
    assert ask(page, "POST", "/api/clip?name=x.sh", clip)[0] == 400
    assert ask(page, "POST", "/api/propagate", b" " * (9 << 20))[0] == 413
    assert set(tmp_path.rglob("*")) == before


def test_an_upload_without_a_length_is_limited_too(page, tmp_path):
    connection = http.client.HTTPConnection(urlsplit(page).netloc, timeout=60)
    pieces = (b"0" * (1 << 18) for _ in range(6))
    connection.request("POST", "/api/clip?name=x.mp4", pieces, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    assert not [path for path in (tmp_path / "own").iterdir() if path.name.startswith("clip_")]


def test_the_export_can_be_fetched(page, tmp_path):
    assert ask(page, "GET", "/exports/overlay.mp4")[0] == 404
    assert ask(page, "POST", "/api/export")[0] == 400
    ask(page, "POST", "/api/propagate", json.dumps({"frame": 0, "lines": [STROKE]}).encode())
    status, body, _ = ask(page, "POST", "/api/export")
    assert status == 200
    assert Path(json.loads(body)["exported"]) == tmp_path / "own/clip"
    assert ask(page, "GET", "/exports/masks.zip")[1].startswith(b"PK")
    assert b"ftyp" in ask(page, "GET", "/exports/overlay.mp4")[1][:12]
    assert ask(page, "GET", "/exports/config.json")[0] == 404
