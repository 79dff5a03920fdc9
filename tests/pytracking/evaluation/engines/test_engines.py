"""One job list, three engines: the same files whatever does the work."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ltr.admin.errors import ConfigError
from ltr.data.image_io import write_label_map
from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.engines import ray_tasks, start_engine
from pytracking.evaluation.engines.base import Engine
from pytracking.evaluation.engines.local import LocalEngine
from pytracking.evaluation.engines.worker import WorkerSetup
from pytracking.evaluation.prompt_types import MaskPrompt
from pytracking.evaluation.running.dataset import RunOptions, run_dataset
from pytracking.evaluation.running.jobs import Outcome
from pytracking.evaluation.running.task import VideoTask
from pytracking.evaluation.running.video_folder import VideoFolder
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.tracker.base import Runtime
from pytracking.utils.video_reader import find_videos
from tests.pytracking.clips import bar_mask, numbered_frames, write_clip
from tests.video_trees import write_folder_videos

ROOT = Path(__file__).resolve().parents[4]
FLOW = TrackerSpec("baseline", "optical_flow")
TORCHRUN_FLOW = (FLOW.system, FLOW.name, "--engine", "torchrun")
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


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Three videos in ``clips`` and their first masks in ``masks``."""
    for folder in ("clips", "masks"):
        (tmp_path / folder).mkdir()
    for name, length in (("a", 3), ("b", 6), ("c", 4)):
        write_clip(tmp_path / f"clips/{name}.mp4", numbered_frames(length))
        write_label_map(tmp_path / f"masks/{name}.png", bar_mask(0).astype(np.uint8))
    return tmp_path / "clips"


def segment_clips(clips: Path, output: Path, engine: Engine | None) -> dict[str, bytes]:
    """Segment all clips; returns all results."""
    masks = (MaskPrompt(0, clips.with_name("masks")),)
    task = VideoTask(FLOW, Runtime(), clips, masks, output=output, quiet=True)
    outcomes = list(VideoFolder(task, find_videos(clips).videos).run(engine))
    assert [outcome.failure for outcome in outcomes] == ["", "", ""]
    return files_of(output)


def test_local_processes_count_every_frame():
    frames: list[int] = []
    with LocalEngine(2, SETUP) as engine:
        results = dict(engine.run(count_up, [3, 5, 2], frames.append))
    assert results == {3: 9, 5: 25, 2: 4}
    assert sum(frames) == 10


def torchrun(command: str, *arguments: str) -> str:
    """Start a command in two processes; returns what they print."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    run = subprocess.run(
        [*launch, f"pytracking/{command}", *TORCHRUN_FLOW, *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_local_processes_share_the_clips(clips, tmp_path):
    alone = segment_clips(clips, tmp_path / "alone", None)
    assert len(alone) == 3 + 6 + 4 + 3 * len(("boxes", "overlay", "contact sheet", "config"))
    with LocalEngine(2, SETUP) as engine:
        assert segment_clips(clips, tmp_path / "out", engine) == alone


def test_torchrun_shares_the_clips(clips, tmp_path):
    out, masks = tmp_path / "out", clips.with_name("masks")
    told = torchrun("run_video.py", str(clips), "--mask", str(masks), "--output", str(out))
    assert told.count("3 videos done, 0 failed") == 1
    assert files_of(out) == segment_clips(clips, tmp_path / "alone", None)


def test_torchrun_shares_the_sequences(videos, expected, tmp_path):
    out = str(tmp_path / "out")
    told = torchrun("run_tracker.py", "--dataset_name", f"folder:{videos}", "--results", out)
    assert told.count("5 sequences done, 0 failed, 31 frames") == 1
    (folder,) = (tmp_path / "out/baseline/optical_flow").iterdir()
    assert files_of(folder) == expected


def test_torchrun_engine_alone_is_one_sentence(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(ConfigError, match="RANK is not set, start the command as torchrun"):
        start_engine("torchrun", 0, SETUP)


@pytest.mark.parametrize("note", ["127.0.0.1:{port}", "no address", "127.0.0.1:99999999", ""])
def test_ray_does_not_wait_for_a_cluster_that_was_killed(note, tmp_path, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    running = tmp_path / "ray_current_cluster"
    monkeypatch.setattr(ray_tasks, "_RUNNING", str(running))
    assert ray_tasks._address() == "local"
    with socket.create_server(("127.0.0.1", 0)) as cluster:
        port = cluster.getsockname()[1]
        running.write_text(f"127.0.0.1:{port}\n")
        assert ray_tasks._address() is None
    running.write_text(note.format(port=port))
    assert ray_tasks._address() == "local"
    monkeypatch.setenv("RAY_ADDRESS", "first:6379")
    assert ray_tasks._address() is None


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster of one machine, to which tests may add others."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        head = {"num_cpus": 1, "include_dashboard": False}
        started = Cluster(initialize_head=True, head_node_args=head)
        patch.setenv("RAY_ADDRESS", started.address)
        yield started
        started.shutdown()


def test_ray_finishes_what_a_lost_machine_began(cluster, videos, expected, tmp_path):
    second = cluster.add_node(num_cpus=1)
    done: list[str] = []

    def report(outcome: Outcome) -> None:
        if not done:
            cluster.remove_node(second)
        done.append(outcome.name)

    with start_engine("ray", 0, SETUP) as engine:
        options = RunOptions(tmp_path / "out", engine=engine)
        summary = run_dataset(FLOW, get_dataset(f"folder:{videos}"), options, report)
    assert not summary.failures
    assert sorted(done) == sorted(LENGTHS)
    assert files_of(summary.folder.path) == expected


def test_ray_shares_the_clips(cluster, clips, tmp_path):
    with start_engine("ray", 2, SETUP) as engine:
        found = segment_clips(clips, tmp_path / "out", engine)
    assert found == segment_clips(clips, tmp_path / "alone", None)
