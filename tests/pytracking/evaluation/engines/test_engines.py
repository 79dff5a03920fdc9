"""One job list, three engines: the same files whatever does the work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ltr.admin.errors import ConfigError
from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.engines import start_engine
from pytracking.evaluation.engines.base import WorkerSetup
from pytracking.evaluation.engines.local import LocalEngine
from pytracking.evaluation.running import Outcome, RunOptions, run_dataset
from pytracking.evaluation.tracker import TrackerSpec
from tests.video_trees import write_folder_videos

ROOT = Path(__file__).resolve().parents[4]
FLOW = TrackerSpec("baseline", "optical_flow")
LENGTHS = {"a": 4, "b": 9, "c": 5, "d": 7, "e": 6}
SETUP = WorkerSetup(num_threads=1)


def count_up(job: int, count_frames) -> int:
    for _ in range(job):
        count_frames(1)
    return job * job


def video(length: int) -> dict:
    return {f"{i:05d}": {2: (4, 4)} if i == 0 else None for i in range(length)}


def files_of(folder: Path) -> dict[str, bytes]:
    """All results but the times."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "_time" not in path.name)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    return write_folder_videos(tmp_path / "set", {key: video(n) for key, n in LENGTHS.items()})


@pytest.fixture
def expected(videos: Path, tmp_path: Path) -> dict[str, bytes]:
    """What one process writes."""
    summary = run_dataset(FLOW, get_dataset(f"folder:{videos}"), RunOptions(tmp_path / "alone"))
    return files_of(summary.folder.path)


def test_local_processes_count_every_frame():
    frames: list[int] = []
    with LocalEngine(2, SETUP) as engine:
        results = dict(engine.run(count_up, [3, 5, 2], frames.append))
    assert results == {3: 9, 5: 25, 2: 4}
    assert sum(frames) == 10


def test_torchrun_shares_the_sequences(videos, expected, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += ["pytracking/run_tracker.py", "baseline", "optical_flow", "--engine", "torchrun"]
    command += ["--dataset_name", f"folder:{videos}", "--results", str(tmp_path / "out")]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("5 sequences done, 0 failed, 31 frames") == 1
    (folder,) = (tmp_path / "out/baseline/optical_flow").iterdir()
    assert files_of(folder) == expected


def test_torchrun_engine_alone_is_one_sentence(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ConfigError, match="RANK is not set, start the command as torchrun"):
        start_engine("torchrun", 0, SETUP)


def test_ray_finishes_what_a_lost_machine_began(videos, expected, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    second = cluster.add_node(num_cpus=1)
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    done: list[str] = []

    def report(outcome: Outcome) -> None:
        if not done:
            cluster.remove_node(second)
        done.append(outcome.sequence)

    try:
        with start_engine("ray", 0, SETUP) as engine:
            options = RunOptions(tmp_path / "out", engine=engine)
            summary = run_dataset(FLOW, get_dataset(f"folder:{videos}"), options, report)
    finally:
        cluster.shutdown()
    assert not summary.failures
    assert sorted(done) == sorted(LENGTHS)
    assert files_of(summary.folder.path) == expected
    assert not ray.is_initialized()
