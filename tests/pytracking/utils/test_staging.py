from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys

import pytest

from ltr.admin.errors import ConfigError, OutputError
from pytracking.utils.staging import staged_folder

ENTRIES = ("masks", "config.json")


def fill(folder, text: str = "new", overwrite: bool = False) -> None:
    with staged_folder(folder, ENTRIES, overwrite) as staging:
        (staging / "masks").mkdir()
        (staging / "masks" / "0.png").write_text(text)
        (staging / "config.json").write_text(text)


def test_content_appears_at_the_end(tmp_path):
    target = tmp_path / "a" / "b"
    with staged_folder(target, ENTRIES) as staging:
        (staging / "config.json").write_text("x")
        assert not (target / "config.json").exists()
    assert [path.name for path in target.iterdir()] == ["config.json"]


def test_nothing_stays_after_an_error(tmp_path):
    target = tmp_path / "out"
    with pytest.raises(TypeError):
        fill(target, text=3)
    assert not target.exists()


def test_results_are_not_replaced_unasked(tmp_path):
    fill(tmp_path)
    with pytest.raises(ConfigError, match=r"holds results already \(masks, config.json\)"):
        fill(tmp_path)
    assert (tmp_path / "config.json").read_text() == "new"


def test_overwrite_replaces_results_and_nothing_else(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    fill(tmp_path, "old")
    (tmp_path / "masks" / "99.png").write_text("of a longer video")
    fill(tmp_path, "new", overwrite=True)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "0.png",
        "config.json",
        "thesis.tex",
    ]
    assert (tmp_path / "masks" / "0.png").read_text() == "new"


def test_failed_overwrite_keeps_the_old_results(tmp_path):
    fill(tmp_path, "old")
    with pytest.raises(KeyError), staged_folder(tmp_path, ENTRIES, overwrite=True):
        raise KeyError
    assert (tmp_path / "masks" / "0.png").read_text() == "old"


def killed_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_remains_of_a_killed_run_are_swept_and_those_of_others_kept(tmp_path):
    host = socket.gethostname()
    dead = tmp_path / f".run.a1.{host}.{killed_process()}.partial"
    alive = tmp_path / f".run.b2.{host}.{os.getppid()}.partial"
    elsewhere = tmp_path / ".run.c3.otherhost.1.partial"
    forgotten = tmp_path / ".run.d4.otherhost.1.partial"
    for folder in (dead, alive, elsewhere, forgotten):
        (folder / "masks").mkdir(parents=True)
    os.utime(forgotten, (0, 0))
    fill(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {alive.name, elsewhere.name, *ENTRIES}


def test_failed_writing_names_the_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file/out cannot be written: Not a directory"):
        fill(tmp_path / "file" / "out")
    with (
        pytest.raises(OutputError, match="new cannot be written: No space left on device"),
        staged_folder(tmp_path / "new", ENTRIES),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(ConfigError, match="is a file"):
        fill(tmp_path / "out")
