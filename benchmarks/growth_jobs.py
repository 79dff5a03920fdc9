"""How long a data set of short clips takes on one and two workers, beside the ideal."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from growth_trackers import SMALLEST, SYSTEMS, Row

from ltr.data.image_io import write_image, write_label_map
from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.engines.local import LocalEngine
from pytracking.evaluation.engines.worker import WorkerSetup
from pytracking.evaluation.running.dataset import RunOptions, run_dataset
from pytracking.evaluation.running.jobs import Outcome
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.utils.demo_clip import demo_clip

WORKERS = (1, 2)
_CPU = torch.device("cpu")
_CLIPS, _SHORTEST, _LONGEST = 24, 8, 40


def write_clips(folder: Path) -> list[int]:
    """Write a data set of clips with one object.

    Returns:
        Frames of every clip.
    """
    lengths = np.random.default_rng(0).integers(_SHORTEST, _LONGEST + 1, _CLIPS).tolist()
    shrink = partial(cv2.resize, dsize=SMALLEST[::-1])
    frames = list(demo_clip(_LONGEST))
    images = [shrink(frame.image, interpolation=cv2.INTER_AREA) for frame in frames]
    labels = shrink((frames[0].labels == 1).astype(np.uint8), interpolation=cv2.INTER_NEAREST)
    for number, length in enumerate(lengths):
        for index, image in enumerate(images[:length]):
            write_image(folder / "JPEGImages" / f"{number:03d}" / f"{index:05d}.png", image)
        write_label_map(folder / "Annotations" / f"{number:03d}" / "00000.png", labels)
    return lengths


@dataclass(frozen=True)
class Run:
    """When every clip was done, and what tracking it took.

    Args:
        started: When the command began, seconds.
        arrivals: When each clip was done.
        seconds: What the tracker took for it.
    """

    started: float
    arrivals: list[float]
    seconds: list[float]

    @property
    def begun(self) -> float:
        """When the first worker began its first clip."""
        return self.arrivals[0] - self.seconds[0]


def run_clips(folder: Path, spec: TrackerSpec, workers: int) -> Run:
    """Run a tracker over all clips, one thread a worker."""
    run = Run(time.perf_counter(), [], [])

    def note(outcome: Outcome) -> None:
        run.arrivals.append(time.perf_counter())
        run.seconds.append(outcome.seconds)

    with LocalEngine(workers, WorkerSetup(_CPU, 1, quiet=True)) as engine:
        options = RunOptions(folder / f"results_{workers}", engine=engine, quiet=True)
        run_dataset(spec, get_dataset(f"folder:{folder}"), options, note)
    return run


def against_workers(system: str) -> Iterator[Row]:
    """Rows for one and two workers; what tracking takes with one worker, spread, is the ideal."""
    spec = TrackerSpec(system, SYSTEMS[system].name, overrides=(SYSTEMS[system].small,))
    with tempfile.TemporaryDirectory() as name:
        lengths = write_clips(Path(name))
        runs = {workers: run_clips(Path(name), spec, workers) for workers in WORKERS}
    alone = runs[1].seconds
    for workers, run in runs.items():
        yield {
            "workers": workers,
            "clips": len(lengths),
            "frames": sum(lengths),
            "start_s": run.begun - run.started,
            "ideal_s": max(sum(alone) / workers, max(alone)),
            "measured_s": run.arrivals[-1] - run.begun,
        }
