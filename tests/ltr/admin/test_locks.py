"""Locks on folders: against other processes, forked and spawned children, hostile lock files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ltr.admin.errors import LockedError, OutputError
from ltr.admin.locks import LOCK_FILE, is_locked, lock_folder, try_lock

OWNER = """
import sys
from pathlib import Path
from ltr.admin.locks import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path):
    """Another process that holds the lock until its input ends."""
    command = [sys.executable, "-c", OWNER, str(tmp_path / "run")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_by_the_name_of_the_first(owner, tmp_path):
    with pytest.raises(LockedError) as refused, lock_folder(tmp_path / "run"):
        pass
    assert refused.value.exit_code == 2
    assert f"is in use by process {owner.pid} of " in str(refused.value)
    told = json.loads((tmp_path / "run" / LOCK_FILE).read_text())
    assert set(told) == {"user", "host", "process", "started", "command"}
    assert is_locked(tmp_path / "run") is True


def test_a_dead_owners_lock_is_taken_over(owner, tmp_path):
    owner.kill()
    owner.wait()
    assert (tmp_path / "run" / LOCK_FILE).exists()
    assert is_locked(tmp_path / "run") is False
    with lock_folder(tmp_path / "run"):
        assert json.loads((tmp_path / "run" / LOCK_FILE).read_text())["process"] == os.getpid()


def test_waiting_takes_the_lock_when_the_owner_ends(owner, tmp_path, caplog):
    threading.Timer(0.3, owner.stdin.close).start()
    with lock_folder(tmp_path / "run", wait=True):
        assert owner.wait() == 0
    assert f"in use by process {owner.pid}" in caplog.text


def test_children_do_not_hold_what_their_parent_locked(tmp_path):
    with lock_folder(tmp_path / "run"):
        forked = os.fork()
        if forked == 0:
            time.sleep(60)
            os._exit(0)
        spawned = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        lock = try_lock(tmp_path / "run")
        assert lock is not None
        lock.release()
    finally:
        os.kill(forked, 9)
        os.waitpid(forked, 0)
        spawned.kill()
        spawned.wait()


def test_two_threads_of_one_process_exclude_each_other(tmp_path):
    with lock_folder(tmp_path):
        assert try_lock(tmp_path) is None
    lock = try_lock(tmp_path)
    assert lock is not None
    lock.release()


def test_a_lock_leaves_nothing_behind(tmp_path):
    with lock_folder(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b" / LOCK_FILE).is_file()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "folder"])
def test_only_a_plain_file_is_written(tmp_path, kind):
    precious = tmp_path / "thesis.tex"
    precious.write_text("kept")
    file = tmp_path / "run" / LOCK_FILE
    file.parent.mkdir()
    if kind == "link":
        file.symlink_to(precious)
    elif kind == "hard link":
        file.hardlink_to(precious)
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.mkdir()
    with pytest.raises(OutputError, match="cannot be written"), lock_folder(file.parent):
        pass
    assert precious.read_text() == "kept"


def test_untrusted_content_of_a_lock_is_not_believed(owner, tmp_path):
    file: Path = tmp_path / "run" / LOCK_FILE
    told = json.loads(file.read_text())
    for content in ("", "[]", "{}", "x" * 100_000, json.dumps(told | {"user": "\x1b[2Jroot\n"})):
        file.write_text(content)
        with pytest.raises(LockedError) as refused, lock_folder(file.parent):
            pass
        assert str(refused.value).isprintable()
        assert len(str(refused.value)) < 5000
