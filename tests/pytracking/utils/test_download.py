"""Released files, fetched from a server on this machine."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ltr.admin.errors import CheckpointError, ConfigError
from pytracking.utils.download import default_folder, fetch, find_released, main
from pytracking.utils.released_files import Checksum, by_name

CONTENT = bytes(range(256)) * 4000


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT, a web page, too few bytes, or an error, as the path says."""

    def do_GET(self) -> None:
        body, length, kind = CONTENT, len(CONTENT), "application/octet-stream"
        if self.path == "/page":
            body, kind = b"<html>confirm</html>", "text/html; charset=utf-8"
        elif self.path == "/disguised":
            body = b"\n<!DOCTYPE html><html>sign in</html>"
        elif self.path == "/cut":
            body = CONTENT[:1000]
        if not self.path.startswith("/cut"):
            length = len(body)
        self.send_response(404 if self.path == "/none" else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Keeps quiet when a client hangs up: stderr may be another test's by then."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Tell nobody."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with Server(("127.0.0.1", 0), Handler) as instance:
        threading.Thread(target=instance.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{instance.server_port}"
        instance.shutdown()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def test_a_file_lands_in_the_folder_of_its_kind(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTRACKING_NETWORK_PATH", str(tmp_path / "networks"))
    assert run("joint_davis", "--address", f"{server}/file") == 0
    target = tmp_path / "networks" / "joint_davis.pth.tar"
    assert target.read_bytes() == CONTENT
    assert capsys.readouterr().out == f"saved {target}\n"


def test_an_existing_file_is_kept_unless_asked(server, tmp_path):
    target = tmp_path / "joint_davis.pth.tar"
    target.write_bytes(b"mine")
    options = ("joint_davis", "--folder", tmp_path, "--address", f"{server}/file")
    assert run(*options) == 0
    assert target.read_bytes() == b"mine"
    assert run(*options, "--overwrite") == 0
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("page", "needs a browser: open https://drive.google.com/file/d/1UB"),
        ("disguised", "needs a browser"),
        ("cut", "only 1000 of 1024000 bytes arrived"),
        ("none", "could not be fetched (HTTP Error 404: Not Found)"),
    ],
)
def test_a_wrong_answer_leaves_nothing(server, tmp_path, capsys, path, reason):
    assert run("joint_davis", "--folder", tmp_path, "--address", f"{server}/{path}") == 2
    assert reason in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_unreachable_host_is_one_sentence_with_the_page(tmp_path, capsys):
    assert run("joint_davis", "--folder", tmp_path, "--address", "http://127.0.0.1:9/x") == 2
    error = capsys.readouterr().err
    assert "could not be fetched" in error
    assert f"save the file as {tmp_path / 'joint_davis.pth.tar'}" in error
    assert error.count("\n") == 1


def test_only_the_published_file_is_accepted(server, tmp_path):
    digits = hashlib.md5(CONTENT).hexdigest()
    released = find_released("ytvos_e060_res4")
    right = dataclasses.replace(released, checksum=Checksum("md5", digits[:5], digits[-5:]))
    target = fetch(right, tmp_path, f"{server}/file", lambda size, total: None)
    assert target.read_bytes() == CONTENT
    target.unlink()
    with pytest.raises(
        CheckpointError, match=rf"md5 checksum is {digits}, not the published c3ae3\.\."
    ):
        fetch(released, tmp_path, f"{server}/file", lambda size, total: None)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_with_another_checksum_is_told(tmp_path, capsys):
    (tmp_path / "ytvos_e060_res4.pth").write_bytes(b"other")
    assert run("ytvos_e060_res4.pth", "--folder", tmp_path) == 2
    assert "is not the published file" in capsys.readouterr().err


def test_progress_ends_at_the_size_of_the_file(server, tmp_path):
    seen: list[tuple[int, int | None]] = []
    released = find_released("joint_ytvos")
    fetch(released, tmp_path, f"{server}/file", lambda *sizes: seen.append(sizes))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)


def test_names_are_looked_up(monkeypatch):
    assert find_released("joint_ytvos.pth.tar") == find_released("joint_ytvos")
    backbone = find_released("resnet50")
    assert backbone.file == "resnet50-0676ba61.pth"
    assert backbone.checksum == Checksum("sha256", "0676ba61")
    monkeypatch.setenv("LTR_PRETRAINED_NETWORKS", "/backbones")
    assert default_folder(backbone) == Path("/backbones")
    assert default_folder(find_released("e2e_mask_rcnn_R_50_FPN_1x_converted")) == Path(
        "/backbones"
    )
    with pytest.raises(ConfigError, match="did you mean 'joint_davis'"):
        find_released("joint_davsi")


def test_a_page_without_a_file_is_told(tmp_path, capsys):
    assert run("referformer", "--folder", tmp_path) == 2
    assert "needs a browser: open https://github.com/" in capsys.readouterr().err


def test_the_list_names_every_file(capsys):
    assert run("--list") == 0
    output = capsys.readouterr().out
    for released in by_name().values():
        assert released.name in output
        assert released.page in output
