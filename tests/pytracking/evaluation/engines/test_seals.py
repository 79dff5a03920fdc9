"""Strangers who reach the store of a launch: nothing of theirs is unpickled."""

from __future__ import annotations

import base64
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from torch.distributed import TCPStore

from ltr.admin.errors import ConfigError, WorkerError
from pytracking.evaluation.engines.seals import SECRET_VARIABLE, Seal, find_seal, make_seal
from pytracking.evaluation.engines.torchrun import _Board


class Canary:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.fixture
def names(monkeypatch) -> list[str]:
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    return []


def test_what_one_process_seals_another_opens(names, cache_folder):
    first = make_seal(names.append)
    second = find_seal(names[0])
    assert second.open("run 0 jobs", first.seal("run 0 jobs", b"content").encode()) == b"content"
    (file,) = cache_folder.rglob(names[0])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    first.forget()
    assert not list(file.parent.iterdir())


def test_untrusted_messages_and_those_of_other_places_and_other_launches_do_not_open(names):
    first, other = make_seal(names.append), make_seal(names.append)
    assert find_seal(names[1]).open("a", other.seal("a", b"x").encode()) == b"x"
    good = first.seal("run 0 result 1", b"content").encode()
    untrusted = (b"", b"abc", b"\xff" * 99, pickle.dumps(1), base64.b64encode(bytes(32) + b"x"),
                 good[:-4], good[:8] + b"AAAA" + good[12:], good)  # fmt: skip
    for message in untrusted:
        with pytest.raises(WorkerError, match="is not from this launch"):
            first.open("run 0 result 2", message)
    with pytest.raises(WorkerError):
        other.open("run 0 result 1", good)


def test_a_secret_that_others_could_read_or_plant_is_none(names, cache_folder):
    make_seal(names.append)
    (file,) = cache_folder.rglob(names[0])
    file.chmod(0o644)
    with pytest.raises(ConfigError, match=f"set {SECRET_VARIABLE} to the same long random text"):
        find_seal(names[0], patience_s=0.1)
    file.chmod(0o600)
    file.rename(file.with_name("elsewhere"))
    file.symlink_to(file.with_name("elsewhere"))
    with pytest.raises(ConfigError):
        find_seal(names[0], patience_s=0.1)
    for name in ("", "../elsewhere", names[0].upper(), names[0] + "0"):
        with pytest.raises(WorkerError):
            find_seal(name)


def test_machines_without_a_shared_folder_share_a_variable(names, monkeypatch, cache_folder):
    monkeypatch.setenv(SECRET_VARIABLE, "a long random text")
    first = make_seal(names.append)
    assert find_seal(names[0]).open("a", first.seal("a", b"x").encode()) == b"x"
    monkeypatch.setenv(SECRET_VARIABLE, "another text")
    with pytest.raises(WorkerError):
        find_seal(names[0]).open("a", first.seal("a", b"x").encode())
    assert not list(cache_folder.rglob("launches"))


def test_an_untrusted_entry_of_the_store_is_not_unpickled(tmp_path):
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    board, canary = _Board(store, Seal(b"secret", "0" * 32), 0), tmp_path / "canary"
    for what in ("jobs", "result 0"):
        for message in (pickle.dumps(Canary(canary)), bytes(32) + pickle.dumps(Canary(canary))):
            store.set(f"run 0 {what}", base64.b64encode(message).decode())
            with pytest.raises(WorkerError, match="not from this launch"):
                board.call() if what == "jobs" else board.result(0)
    assert not canary.exists()


LAUNCH = """
import sys, time
from pathlib import Path
from pytracking.evaluation.engines import start_engine
from pytracking.evaluation.engines.worker import WorkerSetup
with start_engine("torchrun", 0, WorkerSetup(num_threads=1)) as engine:
    if engine.is_worker:
        engine.serve()
    else:
        print(engine._store.port, flush=True)
        while not Path(sys.argv[1]).exists():
            time.sleep(0.05)
"""


def test_jobs_travel_over_loopback_only(tmp_path):
    """On one machine torchrun's own port, which is open to all, carries none of them."""
    script = tmp_path / "launch.py"
    script.write_text(LAUNCH)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2",
               str(script), str(tmp_path / "end")]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as launch:
        assert launch.stdout is not None
        port = int(launch.stdout.readline())
        addresses = listening_addresses(port)
        (tmp_path / "end").touch()
    assert launch.returncode == 0
    assert addresses == {"0100007F"}  # 127.0.0.1


def test_ray_listens_on_loopback_only(tmp_path):
    pytest.importorskip("ray")
    script = tmp_path / "start.py"
    script.write_text(
        "from pytracking.evaluation.engines import start_engine\n"
        "from pytracking.evaluation.engines.worker import WorkerSetup\n"
        "with start_engine('ray', 1, WorkerSetup(num_threads=1)) as engine:\n"
        "    print(engine._ray.get_runtime_context().gcs_address, flush=True)\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    before = all_listening()
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment
    ) as run:
        assert run.stdout is not None
        address = run.stdout.readline().strip()
        opened = all_listening() - before
    assert address.startswith("127.0.0.1:")
    port = f"{int(address.rpartition(':')[2]):04X}"
    assert any(place.endswith(port) for place in opened)
    (own,) = {place.rpartition(":")[0] for place in opened if place.endswith(port)}
    assert own in ("0100007F", "0000000000000000FFFF00000100007F")


def all_listening() -> set[str]:
    """Address and port of every listening socket, as the kernel writes them."""
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {fields[1] for fields in lines if fields[3] == "0A"}


def listening_addresses(port: int) -> set[str]:
    places = (place.rpartition(":") for place in all_listening())
    return {address for address, _, number in places if int(number, 16) == port}
