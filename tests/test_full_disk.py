"""Commands on a disk of a few hundred KiB: one sentence, and nothing half-written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ltr.data.image_io import write_label_map
from tests.pytracking.clips import bar_mask, numbered_frames, write_clip
from tests.video_trees import write_folder_videos

ROOT = Path(__file__).resolve().parents[1]
MOUNT = 'mount -t tmpfs -o "size=$1k" none "$2" || exit 77'
IN_SMALL_DISK = MOUNT + '\n"${@:3}"; code=$?; cd "$2" && find . -type f | sort; exit $code'


def run_on_small_disk(kib: int, disk: Path, *command: str) -> tuple[int, list[str], str]:
    """Run a command while a small file system is mounted for it alone.

    Returns:
        The exit code, the files that it left there, and the last line of what it complained.
    """
    disk.mkdir()
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    run = subprocess.run(
        ["unshare", "-rm", "bash", "-c", IN_SMALL_DISK, "bash", str(kib), str(disk), *command],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if run.returncode == 77 or run.stderr.startswith("unshare:"):
        pytest.skip(f"no file system can be mounted here: {run.stderr.strip()}")
    files = [line for line in run.stdout.splitlines() if line.startswith("./")]
    return run.returncode, files, run.stderr.strip().rpartition("\n")[2]


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    video = {f"{index:05d}": {2: (4, 4)} if index == 0 else None for index in range(60)}
    return write_folder_videos(tmp_path / "set", {"a": video})


def test_masks_of_a_data_set(videos, tmp_path):
    disk = tmp_path / "disk"
    command = ["pytracking/run_tracker.py", "baseline", "copy_mask", "--quiet"]
    command += ["--dataset_name", f"folder:{videos}", "--results", str(disk)]
    code, files, complaint = run_on_small_disk(160, disk, sys.executable, *command)
    assert code == 2
    assert complaint.endswith("/a cannot be written: No space left on device")
    assert [Path(file).name for file in files] == ["config.json"]


def test_a_video(tmp_path):
    disk, clip = tmp_path / "disk", write_clip(tmp_path / "bar.mp4", numbered_frames(60))
    write_label_map(tmp_path / "first.png", bar_mask(0).astype(np.uint8))
    command = ["pytracking/run_video.py", "baseline", "copy_mask", str(clip), "--quiet"]
    command += ["--mask", str(tmp_path / "first.png"), "--output", str(disk / "out")]
    code, files, complaint = run_on_small_disk(160, disk, sys.executable, *command)
    assert code == 2
    assert "cannot be written: No space left on device" in complaint
    assert not files


def test_a_converted_checkpoint(tmp_path):
    disk, source = tmp_path / "disk", tmp_path / "net.pth"
    torch.save({"net": {"weight": torch.ones(300_000)}}, source)
    command = ["-m", "ltr.admin.convert", str(source), str(disk / "net.pth.tar")]
    code, files, complaint = run_on_small_disk(600, disk, sys.executable, *command)
    assert code == 2
    assert "No space left on device" in complaint
    assert not files
