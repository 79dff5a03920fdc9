"""The page's server: what it refuses, and that it tells why."""

from __future__ import annotations

import http.client
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from ltr.admin.errors import DataError
from pytracking.interactive_page.requests import read_object
from tests.page_server import plain_workbench, running_page, write_clip
from tests.plain_host import PlainHost

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
    for path in ("/../server.py", "/static/page.js", "/frames/99.jpg"):
        assert ask(page, "GET", path)[0] == 404
    assert ask(page, "GET", "/masks/0.png")[:2] == (204, b""), "no mask is no error of the page"


def test_other_pages_are_refused(page):
    port = urlsplit(page).port
    for headers in (
        {"Origin": "http://example.org"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{port + 1}"},
        {"Host": "example.org"},
        {"Host": f"evil.example:{port}"},
        {"Host": "127.0.0.1:999999"},
        {"Host": f"127.0.0.1:{port}x"},
        {"Host": "[::1"},
        {"Host": f"127.0.0.1:{port + 1}"},
    ):
        for method, path in (("GET", "/api/state"), ("POST", "/api/undo"), ("GET", "/")):
            status, _, answered = ask(page, method, path, **headers)
            assert status == 403
            assert "default-src 'none'" in answered["Content-Security-Policy"]
    for headers in ({"Origin": f"http://localhost:{port}"}, {"Host": f"localhost:{port}"}):
        assert ask(page, "GET", "/api/state", **headers)[0] == 200


def test_a_round_and_its_undo(page):
    record = json.dumps({"frame": 1, "lines": [STROKE]}).encode()
    status, body, _ = ask(page, "POST", "/api/propagate?video=1", record)
    assert status == 200
    assert len(json.loads(body)["quality"]) == 5
    assert ask(page, "GET", "/masks/4.png")[1].startswith(b"\x89PNG")
    assert ask(page, "GET", "/frames/4.jpg")[1].startswith(b"\xff\xd8")
    assert ask(page, "POST", "/api/undo?video=1")[0] == 200
    status, body, _ = ask(page, "POST", "/api/undo?video=1")
    assert (status, sentence(body)) == (400, "there is no round to undo")


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
        (b'{"frame": true, "lines": []}', "frame number"),
        (b'{"frame": 0.5, "lines": []}', "frame number"),
        (b'{"frame": %s, "lines": [{"path": [[0.5, 0.5]], "object_id": 1}]}' % (b"9" * 400), "no"),
        (b'{"frame": 0, "lines": [{"path": [[0.5, 0.5]], "object_id": 1e400}]}', "object_id"),
        (b'{"frame": 0, "lines": [{"path": "abc", "object_id": 1}]}', "path"),
        (b'{"frame": 0, "lines": [{"path": [], "object_id": 1}]}', "points"),
        (b'{"frame": 77, "lines": [{"path": [[0.5, 0.5]], "object_id": 1}]}', "no frame 77"),
    ],
)
def test_wrong_rounds_are_one_sentence(page, body, words):
    status, answer, _ = ask(page, "POST", "/api/propagate?video=1", body)
    assert status == 400
    assert words in sentence(answer)


def test_uploads_are_limited_and_stay_in_the_folder(page, tmp_path):
    clip = write_clip(tmp_path / "other.mp4", frames=3).read_bytes()
    name = quote("../../évil name.mp4")
    status, body, _ = ask(page, "POST", f"/api/video?name={name}", clip)
    assert status == 200
    assert json.loads(body)["video"]["name"] == "évil_name"
    assert json.loads(body)["video"]["frames"] == 3
    before = set(tmp_path.rglob("*"))
    films = sorted(path.name for path in before if path.suffix == ".mp4")
    assert films == ["clip.mp4", "other.mp4", "video.mp4"], "the last is the upload"
    assert ask(page, "POST", "/api/video?name=x.mp4", b"0" * ((1 << 20) + 1))[0] == 413
    assert ask(page, "POST", "/api/video?name=x.mp4", b"no video")[0] == 400
    assert ask(page, "POST", "/api/video?name=x.sh", clip)[0] == 400
    assert ask(page, "POST", "/api/propagate?video=1", b" " * (9 << 20))[0] == 413
    assert set(tmp_path.rglob("*")) == before


def test_an_upload_without_a_length_is_limited_too(page, tmp_path):
    connection = http.client.HTTPConnection(urlsplit(page).netloc, timeout=60)
    pieces = (b"0" * (1 << 18) for _ in range(6))
    connection.request("POST", "/api/video?name=x.mp4", pieces, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()
    assert not list((tmp_path / "own").iterdir())


def test_the_export_can_be_fetched(page, tmp_path):
    assert ask(page, "GET", "/exports/overlay.mp4")[0] == 404
    assert ask(page, "POST", "/api/export?video=1")[0] == 400
    ask(
        page, "POST", "/api/propagate?video=1", json.dumps({"frame": 0, "lines": [STROKE]}).encode()
    )
    status, body, _ = ask(page, "POST", "/api/export?video=1")
    assert status == 200
    assert Path(json.loads(body)["exported"]) == tmp_path / "own/clip"
    assert ask(page, "GET", "/exports/masks.zip")[1].startswith(b"PK")
    assert b"ftyp" in ask(page, "GET", "/exports/overlay.mp4")[1][:12]
    assert ask(page, "GET", "/exports/config.json")[0] == 404


def propagate(page: str, clip: int = 1) -> tuple[int, bytes]:
    record = json.dumps({"frame": 0, "lines": [STROKE]}).encode()
    return ask(page, "POST", f"/api/propagate?video={clip}", record)[:2]


def test_lines_for_one_clip_do_not_land_on_another(page, tmp_path):
    clip = write_clip(tmp_path / "other.mp4", frames=3).read_bytes()
    assert ask(page, "POST", "/api/video?name=other.mp4", clip)[0] == 200
    for path in ("propagate?video=1", "propagate", "undo?video=1", "export?video=1"):
        status, body, _ = ask(page, "POST", f"/api/{path}", b'{"frame": 0, "lines": []}')
        assert (status, sentence(body)) == (409, "another video is open now: reload the page")
    assert propagate(page, 2)[0] == 200


def test_only_the_current_upload_is_kept(tmp_path):
    workbench = plain_workbench()
    clip = write_clip(tmp_path / "clip.mp4", frames=3).read_bytes()
    with running_page(workbench, tmp_path / "own") as page:
        for _ in range(3):
            assert ask(page, "POST", "/api/video?name=a.mp4", clip)[0] == 200
            assert len(list((tmp_path / "own").rglob("*.mp4"))) == 1
        assert propagate(page, 3)[0] == 200
        assert ask(page, "POST", "/api/export?video=3")[0] == 200
    assert [path.name for path in (tmp_path / "own").iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["...mp4", "\N{HUGGING FACE}" * 400 + ".mp4", "%00.mp4"])
def test_no_name_of_an_upload_leaves_the_folder(page, tmp_path, name):
    clip = write_clip(tmp_path / "other.mp4", frames=3).read_bytes()
    assert ask(page, "POST", f"/api/video?name={quote(name)}", clip)[0] == 200
    assert propagate(page, 2)[0] == 200
    status, body, _ = ask(page, "POST", "/api/export?video=2")
    assert status == 200
    assert Path(json.loads(body)["exported"]).parent == tmp_path / "own"


def test_a_clip_called_two_dots_is_exported_into_the_folder(tmp_path):
    workbench = plain_workbench()
    workbench.open(write_clip(tmp_path / "...mp4"))
    with running_page(workbench, tmp_path / "a/own") as page:
        assert propagate(page)[0] == 200
        exported = json.loads(ask(page, "POST", "/api/export?video=1")[1])["exported"]
    assert Path(exported) == tmp_path / "a/own/__"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["own"]


def test_links_are_not_followed(page, tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/masks.zip").write_bytes(b"secret")
    (tmp_path / "own/clip").symlink_to(tmp_path / "elsewhere")
    assert propagate(page)[0] == 200
    status, body, _ = ask(page, "POST", "/api/export?video=1")
    assert (status, "is a link" in sentence(body)) == (500, True)
    assert ask(page, "GET", "/exports/masks.zip")[0] == 404
    (tmp_path / "own/clip").unlink()
    (tmp_path / "own/clip").mkdir()
    (tmp_path / "own/clip/masks.zip").symlink_to(tmp_path / "elsewhere/masks.zip")
    assert ask(page, "GET", "/exports/masks.zip")[0] == 404
    assert ask(page, "POST", "/api/export?video=1")[0] == 200
    assert ask(page, "GET", "/exports/masks.zip")[1].startswith(b"PK")
    assert (tmp_path / "elsewhere/masks.zip").read_bytes() == b"secret"


def test_a_bomb_is_decoded_elsewhere(page):
    """Its process ends, and the page answers."""
    import av

    with tempfile.NamedTemporaryFile(suffix=".mov") as file:
        with av.open(file.name, "w") as container:
            stream = container.add_stream("png", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 64, "rgb24"
            container.mux(stream.encode(av.VideoFrame(64, 64, "rgb24")))
        content = Path(file.name).read_bytes()
    status, body, _ = ask(page, "POST", "/api/video?name=a.mov", content)
    assert (status, "has the codec png" in sentence(body)) == (400, True)
    assert json.loads(ask(page, "GET", "/api/state")[1])["video"]["serial"] == 1


class SlowHost(PlainHost):
    """Takes a quarter of a second per frame."""

    def _interact(self, frame, scribbles):
        for _ in range(200):
            self.on_frame()
            time.sleep(0.25)
        return super()._interact(frame, scribbles)


@pytest.fixture
def slow_page(tmp_path):
    workbench = plain_workbench(host=SlowHost())
    workbench.open(write_clip(tmp_path / "clip.mp4"))
    with running_page(workbench, tmp_path / "own") as address:
        yield address


def _wait_until_busy(page: str) -> None:
    while not json.loads(ask(page, "GET", "/api/state")[1])["busy"]:
        time.sleep(0.02)


def test_a_round_can_be_cancelled(slow_page):
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(propagate, slow_page)
        _wait_until_busy(slow_page)
        assert propagate(slow_page)[0] == 409
        started = time.monotonic()
        assert ask(slow_page, "POST", "/api/cancel")[0] == 200
        status, body = answer.result(10)
    assert time.monotonic() - started < 5
    assert (status, json.loads(body)["cancelled"]) == (409, True)
    state = json.loads(ask(slow_page, "GET", "/api/state")[1])
    assert (state["busy"], state["rounds"]) == ("", [])


def test_the_end_of_the_program_does_not_wait_for_a_propagation(tmp_path):
    workbench = plain_workbench(host=SlowHost())
    workbench.open(write_clip(tmp_path / "clip.mp4"))
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        with running_page(workbench, tmp_path / "own") as page:
            answer = pool.submit(propagate, page)
            _wait_until_busy(page)
        assert answer.exception(10) is not None or answer.result()[0] == 409
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("name", ["a\0", "\ud800", "a\nb", "\ufffe", "x" * 41, 3])
def test_names_of_objects_can_be_written_into_every_format(name):
    assert read_object({"object_id": 1, "name": "grüner Frosch"})[1] == "grüner Frosch"
    with pytest.raises(DataError, match="all of them printable"):
        read_object({"object_id": 1, "name": name})
