from __future__ import annotations

from pathlib import Path

import torch

from ltr.trainers.run_folder import RunFolder


def record(value: float = 0.0) -> dict:
    return {"net_type": "Net", "net": {"weight": torch.tensor([value])}}


def names(folder: RunFolder) -> list[str]:
    return [path.name for path in folder.checkpoints()]


def test_checkpoints_are_in_order_of_progress(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.newest() is None
    for epoch, step in ((0, 5), (1, 0), (1, 9), (1, 12), (2, 0)):
        path = folder.save(record(), epoch, step)
        assert folder.newest() == path
    assert names(folder) == ["Net_ep0001.pth.tar", "Net_ep0002.pth.tar"]
    folder.save(record(), 2, 7)
    assert names(folder)[-1] == "Net_ep0002_step000007.pth.tar"
    assert sorted(names(folder)) == names(folder)


def test_only_the_wanted_number_is_kept(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for epoch in range(1, 5):
        folder.save(record(), epoch, keep=2)
    assert names(folder) == ["Net_ep0003.pth.tar", "Net_ep0004.pth.tar"]
    folder.save(record(), 4, 1, keep=1)
    assert names(folder) == ["Net_ep0004.pth.tar", "Net_ep0004_step000001.pth.tar"]


def test_other_files_are_no_checkpoints(tmp_path: Path) -> None:
    for name in ("nonfinite_train_ep0001_step000001.pt", "best.pth.tar", "Net_ep1.pth.tar.tmp"):
        (tmp_path / name).touch()
    assert names(RunFolder(tmp_path)) == []


def test_new_starts_get_numbered_folders_and_the_newest_goes_on(tmp_path: Path) -> None:
    def choose(fresh: bool) -> RunFolder:
        return RunFolder.choose(tmp_path, "ltr/joint/a", fresh)

    first = choose(True)
    assert first.path == tmp_path / "checkpoints" / "ltr" / "joint" / "a"
    assert choose(True) == first, "an empty folder is fresh"
    first.save(record(), 1)
    RunFolder.choose(tmp_path, "ltr/joint/a_run007_other", False).save(record(), 1)
    second = choose(True)
    assert second.path.name == "a_run002"
    assert choose(False) == first
    second.save(record(), 1)
    assert choose(False) == second
    assert choose(True).path.name == "a_run003"


def test_interrupted_writes_are_swept(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    path = folder.save(record(), 1)
    stale = path.with_name(f".{path.name}.x1.partial")
    stale.touch()
    folder.prepare()
    assert not stale.exists()
    assert names(folder) == [path.name]
