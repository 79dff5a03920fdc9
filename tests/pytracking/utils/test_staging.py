from __future__ import annotations

import errno
import os

import pytest

from ltr.admin.errors import ConfigError, LockedError, OutputError
from ltr.admin.locks import LOCK_FILE, lock_folder
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


def test_remains_of_a_killed_run_are_swept_and_those_of_others_kept(tmp_path):
    """Whoever holds its lock lives, whatever numbers its container gives to processes."""
    dead, alive = tmp_path / ".run.a1.partial", tmp_path / ".run.b2.partial"
    for folder in (dead, alive):
        (folder / "masks").mkdir(parents=True)
    (dead / LOCK_FILE).write_text(f'{{"process": {os.getpid()}}}')
    with lock_folder(alive):
        fill(tmp_path)
        left = {path.name for path in tmp_path.iterdir()}
    assert left == {alive.name, *ENTRIES}


def test_a_folder_in_use_is_refused_and_not_touched(tmp_path):
    with staged_folder(tmp_path, ENTRIES) as staging:
        (staging / "masks").mkdir()
        (staging / "config.json").touch()
        with pytest.raises(LockedError, match=f"in use by process {os.getpid()} of"):
            fill(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(ENTRIES)


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
