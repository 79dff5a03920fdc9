"""Training runs that take seconds: a few synthetic videos and the debug recipe."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import torch

from ltr.admin.checkpoint import Checkpoint, read_checkpoint
from ltr.data.image_io import write_image, write_label_map

_ROOT = Path(__file__).resolve().parents[1]


def write_videos(folder: Path, count: int = 2, frames: int = 12) -> Path:
    """Write videos of a moving square in the layout ``JPEGImages``, ``Annotations``."""
    rng = np.random.default_rng(0)
    for video in range(count):
        background = rng.integers(0, 120, (48, 72, 3)).astype(np.uint8)
        for time in range(frames):
            image, labels = background.copy(), np.zeros((48, 72), np.uint8)
            left, top = 5 + 3 * time + 4 * video, 10 + video
            image[top : top + 18, left : left + 18] = (220, 60, 30)
            labels[top : top + 18, left : left + 18] = 1
            write_image(folder / "JPEGImages" / f"video{video}" / f"{time:05d}.jpg", image)
            write_label_map(folder / "Annotations" / f"video{video}" / f"{time:05d}.png", labels)
    return folder


def small_run(videos: Path, *arguments: str, name: str = "joint_debug") -> list[str]:
    """Arguments of ``run_training.py`` for a run of 4 epochs with 3 steps each."""
    changes = {
        "train_sets": f"folder:{videos}=1",
        "validation_sets": f"folder:{videos}=1",
        "output_size": "48,32",
        "batch_size": "2",
        "samples_per_epoch": "6",
        "validation_samples": "2",
    }
    assignments = [word for item in changes.items() for word in ("--set", "=".join(item))]
    return ["joint", name, "--device", "cpu", *assignments, *arguments]


def command_of(arguments: list[str]) -> list[str]:
    """The command line of a training run in a process of its own."""
    return [sys.executable, str(_ROOT / "ltr" / "run_training.py"), *arguments]


def environment_of(workspace: Path) -> dict[str, str]:
    """Process variables of such a run."""
    own = {"LTR_WORKSPACE_DIR": str(workspace), "OMP_NUM_THREADS": "1"}
    return {**os.environ, **own}


def run_folder(workspace: Path, name: str = "joint_debug") -> Path:
    """Where a run writes its checkpoints."""
    return workspace / "checkpoints" / "ltr" / "joint" / name


def differences(first: Path, second: Path) -> list[str]:
    """Names of weights and optimiser values of two checkpoints that differ in any bit."""
    return _unequal("", _state_of(read_checkpoint(first)), _state_of(read_checkpoint(second)))


def _state_of(checkpoint: Checkpoint) -> dict:
    names = ("optimizer", "position", "stats", "precision")
    return {"net": checkpoint.net, **{name: checkpoint.fields[name] for name in names}}


def _unequal(place: str, first: object, second: object) -> list[str]:
    if isinstance(first, torch.Tensor):
        return [] if torch.equal(first, second) else [place]
    if isinstance(first, dict):
        if list(first) != list(second):
            return [place]
        return [p for key in first for p in _unequal(f"{place}.{key}", first[key], second[key])]
    if isinstance(first, list | tuple):
        if len(first) != len(second):
            return [place]
        pairs = enumerate(zip(first, second, strict=True))
        return [p for i, (a, b) in pairs for p in _unequal(f"{place}[{i}]", a, b)]
    return [] if first == second else [place]
