"""Released files, fetched from a server on this machine."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import nn

from ltr.admin.checkpoint import network_fields
from ltr.admin.errors import CheckpointError, ConfigError, LockedError
from ltr.admin.locks import lock_folder
from ltr.models.interactive.agent import agent_network
from ltr.models.joint.joint_net import steepest_descent_resnet18
from pytracking.utils.download import default_folder, fetch, find_released, main
from pytracking.utils.released_check import check_released
from pytracking.utils.released_files import Checksum, by_name
from pytracking.utils.transfer import Transfer, TransferError


def network_bytes(build: Callable[[], nn.Module], released: bool = False) -> bytes:
    """A checkpoint of ours, or what authors released: the weights alone."""
    torch.manual_seed(0)
    stream, network = io.BytesIO(), build()
    torch.save(network.state_dict() if released else network_fields(network), stream)
    return stream.getvalue()


CONTENT = network_bytes(lambda: steepest_descent_resnet18(backbone_width=16))
WARNING = """<!DOCTYPE html><html><p>too large to be scanned for viruses</p>
<form id="download-form" action="{action}" method="get">
<input type="submit" value="Download anyway"/><input type="hidden" name="id" value="1UB&amp;x">
<input type="hidden" name="confirm" value="t"></form></html>"""
PAGES = {
    "/page": b"<html>confirm</html>",
    "/disguised": b"\n<!DOCTYPE html><html>sign in</html>",
    "/warned": WARNING.format(action="/download").encode(),
    "/warned/elsewhere": WARNING.format(action="http://localhost:9/download").encode(),
    "/warned/script": WARNING.format(action="file:///etc/passwd").encode(),
    "/warned/twice": WARNING.format(action="/warned").encode(),
    "/empty": b"",
    "/zeros": bytes(1000),
    "/other": network_bytes(agent_network),
    "/half": CONTENT[: len(CONTENT) // 2],
}


class Handler(BaseHTTPRequestHandler):
    """Serves the pages, CONTENT in one or many pieces, or errors, as the path says."""

    requests: ClassVar[list[tuple[str, str | None]]] = []
    failures: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        self.requests.append((self.path, self.headers["Range"]))
        path = self.path.partition("?")[0]
        if path in ("/none", "/busy") and self.failures[path] < 2:
            self.failures[path] += path == "/busy"
            self.send_error(404 if path == "/none" else 503)
        elif path == "/endless":
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(bytes(1 << 20))
        elif path == "/download" and self.path != "/download?id=1UB%26x&confirm=t":
            self.send_error(400)
        elif path in PAGES:
            self._send(PAGES[path], "text/html" if path == "/page" else "application/octet-stream")
        elif path.startswith("/cut"):
            self._send_in_parts(path)
        else:
            self._send(CONTENT, "application/octet-stream")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_in_parts(self, path: str) -> None:
        """A third in every answer; ``/cut/changing`` is another version every time."""
        self.failures[path] += 1
        version = f'"{self.failures[path] if path == "/cut/changing" else 1}"'
        wanted = self.headers["Range"]
        is_same = wanted is not None and self.headers["If-Range"] == version
        start = int(wanted[len("bytes=") : -1]) if wanted and is_same else 0
        self.send_response(206 if start else 200)
        if path != "/cut/nameless":
            self.send_header("ETag", version)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        self.wfile.write(CONTENT[start : start + len(CONTENT) // 3 + 1])

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
def quick(monkeypatch) -> None:
    """No proxy; what an earlier test did is forgotten."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Handler.requests.clear()
    Handler.failures.clear()


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def get(address: str, folder: Path, tries: int = 5) -> Path:
    """Fetch JOINT's network without pauses."""
    return fetch(
        find_released("joint_davis"), folder, address, lambda *_: None, (0.0,) * (tries - 1)
    )


def visible(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if not path.name.startswith(".")]


def test_a_file_lands_in_the_folder_of_its_kind(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTRACKING_NETWORK_PATH", str(tmp_path / "networks"))
    assert run("joint_davis", "--address", f"{server}/file") == 0
    target = tmp_path / "networks" / "joint_davis.pth.tar"
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    assert capsys.readouterr().out == f"saved {target}\n"


def test_an_existing_file_is_kept_unless_asked(server, tmp_path, capsys):
    target = tmp_path / "joint_davis.pth.tar"
    target.write_bytes(CONTENT)
    options = ("joint_davis", "--folder", tmp_path, "--address", f"{server}/file")
    assert run(*options) == 0
    assert capsys.readouterr().out == f"{target} is there already\n"
    assert not Handler.requests
    assert run(*options, "--overwrite") == 0
    assert len(Handler.requests) == 1


def test_what_is_there_already_is_read_before_it_is_called_so(tmp_path, capsys):
    """An empty file, a page and a cut file counted as there."""
    target = tmp_path / "joint_davis.pth.tar"
    for content in (b"", PAGES["/page"], PAGES["/half"], PAGES["/other"]):
        target.write_bytes(content)
        assert run("joint_davis", "--folder", tmp_path) == 2
        error = capsys.readouterr().err
        assert f"error: {target}: joint_davis is not what its name says" in error
        assert "give --overwrite to replace it" in error
        assert target.read_bytes() == content


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("page", "needs a browser: open https://drive.google.com/file/d/1UB"),
        ("disguised", "needs a browser"),
        ("warned/elsewhere", "needs a browser"),
        ("warned/script", "needs a browser"),
        ("warned/twice", "needs a browser"),
        ("none", "could not be fetched (HTTP Error 404: Not Found)"),
        ("empty", "could not be fetched (the host sent an empty file)"),
        ("zeros", "is not what its name says: the file is not a network file"),
        ("half", "is not what its name says: the file is damaged, or its end is missing"),
        ("other", "is not what its name says: the file holds a AgentNet, not a JOINTNet"),
    ],
)
def test_a_wrong_answer_leaves_nothing(server, tmp_path, capsys, path, reason):
    assert run("joint_davis", "--folder", tmp_path, "--address", f"{server}/{path}") == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_drives_warning_of_large_files_is_passed(server, tmp_path):
    assert get(f"{server}/warned", tmp_path).read_bytes() == CONTENT
    assert [path for path, _ in Handler.requests] == ["/warned", "/download?id=1UB%26x&confirm=t"]


def test_what_is_cut_off_goes_on_where_it_was(server, tmp_path):
    assert get(f"{server}/cut", tmp_path, tries=3).read_bytes() == CONTENT
    third = len(CONTENT) // 3 + 1
    assert [wanted for _, wanted in Handler.requests] == [
        None, f"bytes={third}-", f"bytes={2 * third}-"]  # fmt: skip


def test_a_later_call_goes_on_with_what_is_there(server, tmp_path):
    for _ in range(2):
        with pytest.raises(CheckpointError, match=rf"only \d+ of {len(CONTENT)} bytes arrived"):
            get(f"{server}/cut", tmp_path, tries=1)
        assert visible(tmp_path) == []
    assert get(f"{server}/cut", tmp_path, tries=1).read_bytes() == CONTENT
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("path", ["cut/changing", "cut/nameless"])
def test_parts_of_different_versions_are_never_joined(server, tmp_path, path):
    with pytest.raises(CheckpointError, match=rf"only {len(CONTENT) // 3 + 1} of"):
        get(f"{server}/{path}", tmp_path, tries=4)
    assert len(Handler.requests) == 4
    assert visible(tmp_path) == []


def test_a_part_of_another_address_is_not_gone_on_with(server, tmp_path):
    with pytest.raises(CheckpointError):
        get(f"{server}/cut", tmp_path, tries=1)
    assert get(f"{server}/file", tmp_path).read_bytes() == CONTENT
    assert Handler.requests[-1] == ("/file", None)


def test_a_busy_server_is_asked_again(server, tmp_path):
    assert get(f"{server}/busy", tmp_path).read_bytes() == CONTENT
    assert len(Handler.requests) == 3


def test_an_endless_file_is_ended(server, tmp_path):
    transfer = Transfer(f"{server}/endless", tmp_path / "file", max_bytes=8 << 20)
    with pytest.raises(TransferError, match="does not end within 8 MiB"):
        transfer.run(lambda path: None)
    with pytest.raises(TransferError, match=rf"has {len(CONTENT)} bytes, more than 0 MiB"):
        Transfer(f"{server}/file", tmp_path / "file", max_bytes=1000).run(lambda path: None)
    assert visible(tmp_path) == []


def test_two_downloads_of_one_file_exclude_each_other(server, tmp_path):
    with lock_folder(tmp_path / ".joint_davis.pth.tar.partial"), pytest.raises(LockedError):
        get(f"{server}/file", tmp_path)


def test_what_a_stranger_left_in_the_hidden_folder_is_not_followed(server, tmp_path):
    (tmp_path / "precious").write_text("kept")
    folder = tmp_path / ".joint_davis.pth.tar.partial"
    folder.mkdir()
    (folder / "content").symlink_to(tmp_path / "precious")
    (folder / "state.json").write_text("[1]")
    assert get(f"{server}/file", tmp_path).read_bytes() == CONTENT
    assert (tmp_path / "precious").read_text() == "kept"
    assert not os.path.islink(tmp_path / "joint_davis.pth.tar")


def test_an_unreachable_host_is_one_sentence_with_the_page(tmp_path):
    with pytest.raises(CheckpointError, match="could not be fetched") as caught:
        get("http://127.0.0.1:9/x", tmp_path, tries=2)
    assert f"save the file as {tmp_path / 'joint_davis.pth.tar'}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_the_published_file_is_accepted(server, tmp_path):
    digits = hashlib.md5(CONTENT).hexdigest()
    released = find_released("ytvos_e060_res4")
    known = Checksum("md5", digits[:5], digits[-5:])
    right = dataclasses.replace(released, checksum=known, kind="joint")
    target = fetch(right, tmp_path, f"{server}/file", lambda size, total: None)
    assert target.read_bytes() == CONTENT
    target.unlink()
    with pytest.raises(
        CheckpointError, match=rf"md5 checksum is {digits}, not the published c3ae3\.\."
    ):
        fetch(released, tmp_path, f"{server}/file", lambda size, total: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["joint_davis", "agent", "reward", "scribble_ytvos",
                                  "ytvos_e060_res4", "seq_mask_rcnn_r50_ytv19", "assess_net",
                                  "e2e_mask_rcnn_R_50_FPN_1x_converted"])  # fmt: skip
def test_every_kind_of_file_is_read_as_what_it_is(name, tmp_path):
    released = dataclasses.replace(by_name()[name], checksum=None)
    path = tmp_path / "file"
    for content in (b"", b"<html></html>", bytes(5000), PAGES["/half"], b"PK\x05\x06" + bytes(18)):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=f"{name} is not what its name says: the file"):
            check_released(released, path)
    if name == "agent":
        path.write_bytes(network_bytes(agent_network, released=True))
        check_released(released, path)
    if name == "reward":
        path.write_text("video,reward\na,1\n")
        check_released(released, path)


def test_an_existing_file_with_another_checksum_is_told(tmp_path, capsys):
    (tmp_path / "ytvos_e060_res4.pth").write_bytes(b"other")
    assert run("ytvos_e060_res4.pth", "--folder", tmp_path) == 2
    assert ", not the published c3ae3..55faf" in capsys.readouterr().err


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


def test_a_proxy_is_used_and_one_that_does_not_answer_is_one_sentence(
    server, tmp_path, monkeypatch
):
    """The server plays the proxy: it is asked for a host that does not exist."""
    released = find_released("joint_davis")
    address, target = "http://nowhere.invalid/", tmp_path / released.file
    monkeypatch.delenv("no_proxy")
    monkeypatch.setenv("http_proxy", server)
    fetch(released, tmp_path, address, lambda done, total: None, pauses_s=())
    assert target.read_bytes() == CONTENT
    for proxy in ("http://127.0.0.1:9", ""):
        monkeypatch.setenv("http_proxy", proxy)
        with pytest.raises(CheckpointError, match=r"joint_davis could not be fetched"):
            fetch(released, tmp_path, address, lambda done, total: None, pauses_s=())
    assert target.read_bytes() == CONTENT
