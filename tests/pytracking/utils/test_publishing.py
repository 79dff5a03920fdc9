"""Replacing results: a process that ends at any step leaves the old ones or the new ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ltr.admin.errors import ConfigError
from ltr.admin.locks import lock_folder
from pytracking.evaluation.outputs.folder import ResultFolder
from pytracking.utils.publishing import discard, finish_publishing
from pytracking.utils.staging import staged_folder
from tests.pytracking.clips import bar_mask

ENTRIES = ("masks", "overlay.mp4", "boxes.txt", "config.json")
STEPS = ("rename", "rmdir", "unlink")


def fill(folder: Path, text: str, names: tuple[str, ...], overwrite: bool = True) -> None:
    with staged_folder(folder, ENTRIES, overwrite) as staging:
        for name in names:
            if name == "masks":
                (staging / name).mkdir()
                (staging / name / "0.png").write_text(text)
            else:
                (staging / name).write_text(text)


def visible(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    }


def ends_at_step(work: Callable[[], object], step: int) -> bool:
    """Run in a child that ends, as if killed, before its ``step``th change of a folder."""
    child = os.fork()
    if child == 0:
        left = [step]
        for name in STEPS:
            setattr(os, name, _counted(getattr(os, name), left))
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def _counted(function: Callable[..., object], left: list[int]) -> Callable[..., object]:
    def count(*arguments: object, **options: object) -> object:
        if not left[0]:
            os._exit(9)
        left[0] -= 1
        return function(*arguments, **options)

    return count


OLD = {"masks/0.png": "old", "boxes.txt": "old", "config.json": "old"}
NEW = {"masks/0.png": "new", "overlay.mp4": "new", "config.json": "new"}


def test_overwriting_killed_at_any_step(tmp_path):
    """The marker used to go last: half of the old results counted as finished."""
    step, kills = 0, 0
    while True:
        folder = tmp_path / str(step)
        fill(folder, "old", ("masks", "boxes.txt", "config.json"))
        (folder / "thesis.tex").write_text("kept")
        work = lambda f=folder: fill(f, "new", ("masks", "overlay.mp4", "config.json"))  # noqa: E731
        if not ends_at_step(work, step):
            break
        kills += 1
        if (folder / "config.json").exists():  # counts as finished, so it must be whole
            assert visible(folder) in (OLD | {"thesis.tex": "kept"}, NEW | {"thesis.tex": "kept"})
        with lock_folder(folder):
            finish_publishing(folder)
        assert visible(folder) in (OLD | {"thesis.tex": "kept"}, NEW | {"thesis.tex": "kept"})
        assert not [path for path in folder.iterdir() if path.name.startswith(".")]
        step += 1
    assert kills > 8
    assert visible(folder) == NEW | {"thesis.tex": "kept"}


def test_a_start_moves_in_what_a_killed_one_had_decided(tmp_path):
    """Also where nothing is to be overwritten: the results are there, so they are refused."""
    fill(tmp_path, "old", ("masks", "config.json"))
    names = ("masks", "config.json")
    assert ends_at_step(lambda: fill(tmp_path, "new", names), 3)
    assert not (tmp_path / "config.json").exists()
    with pytest.raises(ConfigError, match="holds results already"):
        fill(tmp_path, "third", names, overwrite=False)
    assert visible(tmp_path) == {"masks/0.png": "new", "config.json": "new"}


def test_a_sequence_replaced_at_any_step(tmp_path):
    from pytracking.tracker.base import FrameOutput

    def write(folder: ResultFolder, boxes: dict[int, tuple[float, ...]]) -> None:
        with folder.write_sequence("bear") as writer:
            writer.add("00000", FrameOutput(bar_mask(0).astype("uint8"), boxes), 0.5)

    step = 0
    while True:
        folder = ResultFolder(tmp_path / str(step))
        write(folder, {1: (1, 2, 3, 4)})
        old = sorted(path.name for path in folder.path.iterdir())
        if not ends_at_step(lambda f=folder: write(f, {2: (1, 2, 3, 4)}), step):
            break
        if folder.finished():
            assert sorted(p.name for p in folder.path.iterdir() if p.name[0] != ".") in (
                old,
                ["bear", "bear_2.txt", "bear_2_time.txt"],
            )
        folder.sweep()
        assert folder.finished() == ["bear"]
        step += 1
    assert step > 5


def test_a_discarded_folder_is_gone_or_whole(tmp_path):
    for step in range(3):
        folder = tmp_path / f"bear{step}"
        folder.mkdir()
        (folder / "0.png").touch()
        (folder / "1.png").touch()
        assert ends_at_step(lambda f=folder: discard(f), step)
        assert not folder.exists() or len(list(folder.iterdir())) == 2
