from __future__ import annotations

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from ltr.admin import publish
from ltr.admin.checkpoint import read_checkpoint
from ltr.admin.errors import CheckpointError, ConfigError
from ltr.admin.loading import load_network
from ltr.admin.process_memory import peak_mib, reset_peak
from pytracking.evaluation.tracker import TrackerSpec, describe_run
from pytracking.tracker.base import Runtime
from pytracking.utils import hub
from pytracking.utils.loading import SHIPPED_NETWORKS

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NETWORK = SHIPPED_NETWORKS / "dense_ulearn_demo.pth.tar"

pytest.importorskip("safetensors", reason="safetensors is not installed")
pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("card")
    assert publish.main([str(NETWORK), str(folder / "own"), "--title", "Small features"]) == 0
    return folder / "own"


@pytest.fixture
def address(card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A hub on this machine with the repository ``me/small``; its cache is empty."""
    content = (card / "model.safetensors").read_bytes()

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, with_body: bool) -> None:
            is_there = self.path in (
                f"/me/small/resolve/{revision}/model.safetensors" for revision in ("main", COMMIT)
            )
            self.send_response(200 if is_there else 404)
            if is_there:
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", str(len(content)))
            else:
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
            self.end_headers()
            if is_there and with_body:
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            pass

    import huggingface_hub.constants as constants

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", host)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", host + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield "hf://me/small/model.safetensors"
    server.shutdown()
    server.server_close()


def test_a_network_comes_back_from_its_published_form(card: Path) -> None:
    own, published = load_network(NETWORK), load_network(card / "model.safetensors")
    assert type(own) is type(published)
    assert own.state_dict().keys() == published.state_dict().keys()
    for name, tensor in own.state_dict().items():
        assert torch.equal(tensor, published.state_dict()[name]), name
    text = (card / "README.md").read_text()
    assert "# Small features" in text
    assert hashlib.sha256((card / "model.safetensors").read_bytes()).hexdigest() in text
    assert "library_name: vos-toolkit" in text


def test_a_tracker_runs_with_a_network_of_the_hub(address: str, tmp_path: Path) -> None:
    spec = TrackerSpec("dense_ulearn", "demo", net=address)
    assert spec.create(Runtime(torch.device("cpu"))) is not None
    run = describe_run(spec, Runtime(torch.device("cpu")))
    assert run["network_revision"] == COMMIT
    path = hub.fetch(address)
    assert run["network_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.is_relative_to(tmp_path / "cache")
    assert hub.fetch(f"{address}@{COMMIT}") == path


def test_a_fetched_network_is_used_without_a_network(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants as constants

    path = hub.fetch(address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert hub.fetch(address) == path
    with pytest.raises(CheckpointError, match="no copy is here"):
        hub.fetch("hf://me/other/model.safetensors")


def test_what_is_not_there_is_one_sentence(address: str) -> None:
    with pytest.raises(CheckpointError, match="is not on the hub"):
        hub.fetch("hf://me/small/other.safetensors")
    for wrong in ("hf://me", "hf://me/small/", "hf://me/small/../a", "hf://me/small/a@b@c"):
        with pytest.raises(CheckpointError, match="expected hf://OWNER"):
            hub.fetch(wrong)


def test_damaged_files_are_one_sentence(card: Path, tmp_path: Path) -> None:
    content = (card / "model.safetensors").read_bytes()
    header = json.dumps({"__metadata__": {"vos_toolkit": "[1]"}}).encode()
    for number, damaged in enumerate(
        (b"", content[:100], b"\xff" * 50, len(header).to_bytes(8, "little") + header)
    ):
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match=str(path)):
            read_checkpoint(path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_checkpoint(tmp_path / "no.safetensors")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is not an empty folder"):
        publish.publish(NETWORK, tmp_path)


def test_a_list_of_a_million_tensors_is_refused_before_it_is_read(tmp_path: Path) -> None:
    entry = '"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    header = "{" + ",".join(entry % number for number in range(160_000)) + "}"
    file = tmp_path / "model.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header.encode())
    reset_peak()
    before = peak_mib()
    with pytest.raises(CheckpointError, match="its header has"):
        read_checkpoint(file)
    assert peak_mib() - before < 20
