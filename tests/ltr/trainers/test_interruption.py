from __future__ import annotations

import errno
import multiprocessing
import os
import random
import resource
import time
from pathlib import Path

import pytest

from ltr.admin.checkpoint import read_checkpoint
from ltr.run_training import main
from ltr.trainers.run_folder import RunFolder
from tests.small_training import differences, run_folder, small_run, write_videos

KILLS = 30


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    return write_videos(tmp_path_factory.mktemp("videos"))


def train(workspace: Path, arguments: list[str]) -> None:
    os.environ["LTR_WORKSPACE_DIR"] = str(workspace)
    assert main(arguments) == 0


def wait_for_progress(folder: Path) -> None:
    """Wait until a training writes a checkpoint."""
    before = set(folder.glob("*.pth.tar"))
    end = time.monotonic() + 60
    while not set(folder.glob("*.pth.tar")) - before:
        assert time.monotonic() < end, "the training makes no progress"
        time.sleep(0.005)


def test_killed_at_random_points_a_run_always_goes_on(videos: Path, tmp_path: Path) -> None:
    """Half of the time goes into checkpoints, so many kills hit one that is being written."""
    arguments = small_run(
        videos, "--quiet", "--set", "max_epochs=1000", "--set", "checkpoint_interval=1",
        "--set", "keep_checkpoints=1",
    )  # fmt: skip
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ltr.train_settings.joint.joint_debug", "lightning.fabric"])
    delays, killed, steps = random.Random(0), RunFolder(run_folder(tmp_path / "killed")), 0
    for _ in range(KILLS):
        process = context.Process(target=train, args=(tmp_path / "killed", arguments))
        process.start()
        wait_for_progress(killed.path)
        time.sleep(delays.uniform(0.0, 0.2))
        process.kill()
        process.join()
        found = [read_checkpoint(path).fields["position"] for path in killed.checkpoints()]
        assert found[-1]["steps"] >= steps, "progress was lost"
        steps = found[-1]["steps"]
    for name in ("killed", "straight"):
        target = [*arguments, "--max-steps", str(steps + 2)]
        process = context.Process(target=train, args=(tmp_path / name, target))
        process.start()
        process.join()
        assert process.exitcode == 0
    newest, wanted = killed.newest(), RunFolder(run_folder(tmp_path / "straight")).newest()
    assert newest.name == wanted.name
    assert differences(newest, wanted) == []
    assert not list(killed.path.glob(".*"))


def test_a_full_disk_leaves_the_last_checkpoint(videos, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path))
    assert main(small_run(videos, "--quiet", "--max-steps", "3")) == 0
    (checkpoint,) = run_folder(tmp_path).glob("*.pth.tar")
    before = checkpoint.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        assert main(small_run(videos, "--quiet", "--max-steps", "6")) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "File too large" in capsys.readouterr().err.splitlines()[-1]
    assert [path.name for path in run_folder(tmp_path).glob("*.pth.tar")] == [checkpoint.name]
    assert not list(run_folder(tmp_path).glob(".*"))
    assert checkpoint.read_bytes() == before
    assert main(small_run(videos, "--quiet", "--max-steps", "6")) == 0


def test_a_disk_that_reports_its_end_late(videos, tmp_path, monkeypatch, capsys) -> None:
    def fsync(handle: int) -> None:
        if os.fstat(handle).st_size > 1 << 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        assert main(small_run(videos, "--quiet", "--max-steps", "3")) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert not list(run_folder(tmp_path).glob("*.pth.tar"))
    assert not list(run_folder(tmp_path).glob(".*"))
