"""Trackers over data sets: results, failures, processes, interruptions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.admin.errors import CheckpointError, OutputError
from ltr.data.image_io import read_label_map, write_image
from pytracking import FrameInfo, FrameOutput, load_tracker
from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.engines.local import LocalEngine
from pytracking.evaluation.running.dataset import RunOptions, run_dataset
from pytracking.evaluation.running.jobs import Outcome
from pytracking.evaluation.running.sequence import track_sequence
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.tracker.base import OnlineTracker, Runtime
from tests.small_joint import small_network
from tests.video_trees import label_map, textured_frame, write_folder_videos

PACKAGE = Path(__file__).resolve().parents[4] / "pytracking"
COPY, FLOW = TrackerSpec("baseline", "copy_mask"), TrackerSpec("baseline", "optical_flow")


def video(length: int, late: int | None = None) -> dict:
    frames: dict = {f"{i:05d}": None for i in range(length)}
    frames["00000"] = {2: (4, 4)}
    if late is not None:
        frames[f"{late:05d}"] = {5: (30, 20)}
    return frames


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Three videos, the second with a late object."""
    return write_folder_videos(
        tmp_path / "set", {"a": video(3), "b": video(6, late=2), "c": video(4)}
    )


def files_of(folder: Path) -> dict[str, bytes]:
    """All results but the times."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "_time" not in path.name)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def processes(count: int) -> LocalEngine | None:
    return LocalEngine(count) if count else None


class Broken(OnlineTracker):
    """Fails in the second frame of the second video."""

    def __init__(self) -> None:
        self.video = 0

    @classmethod
    def create(cls, params: object, runtime: Runtime) -> Broken:
        return cls()

    def initialize(self, image: np.ndarray, info: FrameInfo) -> FrameOutput:
        self.video += 1
        return FrameOutput(info.mask, {})

    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> FrameOutput:
        if self.video == 2:
            raise IndexError("a bug in the tracker")
        return FrameOutput(np.zeros(image.shape[:2], np.uint8), {})


class BrokenSpec(TrackerSpec):
    """A description of the tracker above."""

    def create(self, runtime: Runtime | None = None) -> OnlineTracker:
        return Broken()


def test_loop_needs_no_files():
    masks = {
        0: FrameInfo((2,), label_map({2: (4, 4)})),
        2: FrameInfo((9,), label_map({9: (20, 9)})),
    }
    frames = [textured_frame(i) for i in range(4)]
    tracked = list(
        track_sequence(
            load_tracker("baseline", "copy_mask"), frames, lambda i: masks.get(i, FrameInfo())
        )
    )
    assert [list(frame.output.boxes) for frame in tracked] == [[2], [2], [2, 9], [2, 9]]
    assert tracked[3].image is frames[3]
    assert all(frame.seconds > 0 for frame in tracked)


def test_results_of_a_data_set(videos, tmp_path):
    summary = run_dataset(COPY, get_dataset(f"folder:{videos}"), RunOptions(tmp_path / "out"))
    folder = tmp_path / "out/baseline/copy_mask/folder_set"
    assert summary.folder.path == folder
    assert [(outcome.name, outcome.frames) for outcome in summary.outcomes] == [
        ("a", 3), ("b", 6), ("c", 4),
    ]  # fmt: skip
    assert len((folder / "b_2.txt").read_text().splitlines()) == 6
    assert (folder / "b_5.txt").read_text() == "30\t20\t7\t7\n" * 4
    last = read_label_map(folder / "b/00005.png")
    np.testing.assert_array_equal(last, label_map({2: (4, 4), 5: (30, 20)}))
    assert sorted(path.name for path in (folder / "a").iterdir()) == [
        "00000.png", "00001.png", "00002.png",
    ]  # fmt: skip


def test_finished_sequences_are_skipped_unless_overwritten(videos, tmp_path):
    dataset, options = get_dataset(f"folder:{videos}"), RunOptions(tmp_path / "out")
    run_dataset(COPY, dataset.select("b"), options)
    second = run_dataset(COPY, dataset, options)
    assert [outcome.name for outcome in second.outcomes] == ["a", "c"]
    assert second.num_skipped == 1
    third = run_dataset(COPY, dataset, RunOptions(tmp_path / "out", overwrite=True))
    assert len(third.outcomes) == 3


def test_any_number_of_processes_gives_the_same_files(videos, tmp_path):
    dataset = get_dataset(f"folder:{videos}")
    for count in (0, 2):
        run_dataset(FLOW, dataset, RunOptions(tmp_path / str(count), engine=processes(count)))
    alone, together = files_of(tmp_path / "0"), files_of(tmp_path / "2")
    assert len(alone) > 13
    assert alone == together


def test_joint_gives_the_same_masks_in_processes(videos, tmp_path):
    net = tmp_path / "small.pth.tar"
    save_checkpoint(net, network_fields(small_network()))
    overrides = ("image_sample_size=64,96", "net_opt_iter=4", "min_mask_area=10")
    spec = TrackerSpec("joint", "joint_ytvos", overrides=overrides, net=str(net))
    for count in (0, 2):
        options = RunOptions(tmp_path / str(count), engine=processes(count))
        assert not run_dataset(spec, get_dataset(f"folder:{videos}"), options).failures
    assert files_of(tmp_path / "0") == files_of(tmp_path / "2")


@pytest.mark.parametrize("threads", [0, 2])
def test_damaged_sequences_never_stop_the_others(videos, tmp_path, threads):
    frame = videos / "JPEGImages/a/00001.jpg"
    frame.write_bytes(frame.read_bytes()[:-20])
    write_image(videos / "JPEGImages/b/00004.jpg", np.zeros((20, 30, 3), np.uint8))
    write_folder_videos(videos, {"d": video(2), "e": video(2), "f": video(2)})
    (videos / "Annotations/d/00000.png").write_bytes(b"\x89PNG")
    write_image(videos / "JPEGImages/e/00000.jpg", np.zeros((20, 30, 3), np.uint8))
    (videos / "JPEGImages/f/00001.jpg").write_bytes(b"")
    told: list[Outcome] = []
    options = RunOptions(tmp_path / "out", engine=processes(threads))
    summary = run_dataset(COPY, get_dataset(f"folder:{videos}"), options, told.append)
    failures = {outcome.name: outcome.failure for outcome in summary.failures}
    assert sorted(failures) == ["a", "b", "d", "e", "f"]
    assert "a/00001.jpg is a truncated JPEG" in failures["a"]
    assert "b/00004.jpg is 30x20, the frames before it 60x40" in failures["b"]
    assert "d/00000.png" in failures["d"]
    assert "e/00000.jpg is 30x20, its masks in" in failures["e"]
    assert "f/00001.jpg is an empty file" in failures["f"]
    assert summary.folder.finished() == ["c"]
    assert not [name for name in os.listdir(summary.folder.path) if name.startswith(".")]
    assert len(told) == 6


def test_bug_in_a_tracker_is_told_with_its_traceback(videos, tmp_path):
    spec = BrokenSpec("baseline", "copy_mask")
    summary = run_dataset(spec, get_dataset(f"folder:{videos}"), RunOptions(tmp_path / "out"))
    assert summary.folder.finished() == ["a", "c"]
    (failed,) = summary.failures
    assert failed.name == "b"
    assert "IndexError: a bug in the tracker" in failed.failure
    assert "in track" in failed.failure


def test_missing_network_is_found_before_anything_is_written(videos, tmp_path):
    spec = TrackerSpec("joint", "joint_davis", net=str(tmp_path / "none.pth.tar"))
    with pytest.raises(CheckpointError, match=r"none\.pth\.tar does not exist"):
        run_dataset(spec, get_dataset(f"folder:{videos}"), RunOptions(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_unwritable_results_stop_the_run(videos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/baseline").write_text("a file where a folder must go")
    with pytest.raises(OutputError, match=r"out/baseline.* cannot be written"):
        run_dataset(COPY, get_dataset(f"folder:{videos}"), RunOptions(tmp_path / "out"))


def wait_for_workers(folder: Path) -> None:
    """Until the processes of a killed run, which end by themselves, are gone."""
    for lock in folder.glob(".*.partial/.lock"):
        worker = Path("/proc") / str(json.loads(lock.read_text())["process"])
        deadline = time.monotonic() + 20
        while worker.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not worker.exists()


@pytest.mark.parametrize("threads", ["0", "2"])
def test_killed_run_is_completed_by_the_next(tmp_path, threads):
    videos = write_folder_videos(tmp_path / "set", {name: video(60) for name in "abcd"})
    out = tmp_path / "out"
    words = [sys.executable, "run_tracker.py", "baseline", "optical_flow", "--threads", threads]
    words += ["--dataset_name", f"folder:{videos}", "--results", str(out), "--quiet"]
    process = subprocess.Popen(words, cwd=PACKAGE, stderr=subprocess.DEVNULL)
    folder = out / "baseline/optical_flow/folder_set"
    while not list(folder.glob("[a-d]")) and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    wait_for_workers(folder)
    for finished in folder.glob("[a-d]"):
        assert len(list(finished.iterdir())) == 60
        assert len((folder / f"{finished.name}_2.txt").read_text().splitlines()) == 60
    summary = run_dataset(FLOW, get_dataset(f"folder:{videos}"), RunOptions(out))
    assert summary.num_skipped > 0
    run_dataset(FLOW, get_dataset(f"folder:{videos}"), RunOptions(tmp_path / "straight"))
    assert files_of(out) == files_of(tmp_path / "straight")
