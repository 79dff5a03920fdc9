"""How the cost grows with objects, frames, resolution and workers.

    python benchmarks/growth.py tracker      CPU time of a JOINT frame (a thin network)
    python benchmarks/growth.py frames       the same and memory against frames, up to --longest
    python benchmarks/growth.py engines      empty jobs per second of every engine
    python benchmarks/growth.py workers      simulated data sets on 8, 64 and 512 workers
    python benchmarks/growth.py workers --lengths mine.txt    "frames objects" of a video on a line

``workers`` hands the longest job first to the next free worker, as the engines do. Every job costs
the process that hands out the jobs a fixed time, measured by ``engines`` and given as
``--jobs-per-second``; frames and objects cost what ``--frame`` and ``--object`` say. DAVIS has its
own lengths, a million clips have lengths drawn from these, and the videos of YouTube-VOS 20 to 180
frames and one to six objects.
"""

from __future__ import annotations

import argparse
import heapq
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from gpu_rows import small_joint
from machine import describe_machine
from synthetic_clip import draw_clip

from ltr.admin.allocator import keep_memory
from ltr.admin.process_memory import resident_mib
from pytracking.evaluation.engines import start_engine
from pytracking.evaluation.engines.base import CountFrames
from pytracking.evaluation.engines.worker import WorkerSetup
from pytracking.tracker.base import FrameInfo, Runtime
from pytracking.tracker.joint.joint import JointTracker
from pytracking.tracker.joint.parameters import JointParameters

_CPU = torch.device("cpu")
_TABLES = ("tracker", "frames", "engines", "engine", "workers")
_SMALLEST, _SAMPLE, _CYCLE = (64, 96), (32, 48), 10
_SIZES = {"240p": (240, 427), "480p": (480, 854), "1080p": (1080, 1920), "4K": (2160, 3840)}
_YOUTUBE_VOS, _MANY = 507, 1_000_000
# Frames and objects of the videos of DAVIS 2017 val, in alphabetical order.
_DAVIS = np.array([
    (69, 2), (50, 1), (80, 2), (84, 1), (90, 1), (75, 1), (40, 1), (104, 1), (90, 1), (60, 1),
    (66, 3), (52, 1), (50, 1), (90, 1), (78, 5), (50, 2), (81, 3), (34, 2), (50, 3), (47, 5),
    (49, 1), (50, 3), (79, 2), (40, 2), (80, 3), (100, 1), (79, 3), (43, 2), (40, 3), (99, 3),
])  # fmt: skip
_WORKERS = (8, 64, 512)
_FRAMES, _OBJECTS = (20, 181), (1, 7)


def start_tracker(
    objects: int, size: tuple[int, int], frames: int, sample: tuple[int, int] = (64, 96)
) -> tuple[JointTracker, list[np.ndarray]]:
    """A tracker after its first frame, and the clip."""
    images, labels = draw_clip(frames, objects, size)
    params = JointParameters(net="", image_sample_size=sample, min_mask_area=1.0)
    tracker = JointTracker(params, small_joint(_CPU), Runtime(_CPU))
    tracker.initialize(images[0], FrameInfo(tuple(range(1, objects + 1)), labels))
    return tracker, images


def measure_frame(objects: int, size: tuple[int, int], frames: int = 4, warm: int = 2) -> float:
    """CPU seconds per tracked frame."""
    tracker, images = start_tracker(objects, size, warm + frames)
    for number in range(1, warm):
        tracker.track(images[number % len(images)])
    started = time.process_time()
    for number in range(warm, warm + frames):
        tracker.track(images[number % len(images)])
    return (time.process_time() - started) / frames


def show_tracker() -> None:
    """Tables against objects and resolution."""
    print("| objects, 240p | CPU ms per frame | per object |\n|---|---|---|")
    for objects in (1, 2, 3, 5, 10):
        seconds = measure_frame(objects, _SIZES["240p"])
        print(f"| {objects} | {1e3 * seconds:.0f} | {1e3 * seconds / objects:.0f} |", flush=True)
    print("\n| resolution, 1 object | CPU ms per frame |\n|---|---|")
    for name, size in _SIZES.items():
        print(f"| {name} | {1e3 * measure_frame(1, size):.0f} |", flush=True)


def show_frames(longest: int) -> None:
    """The table against frames."""
    print("| frames before, 96x64, 1 object | CPU ms per frame | memory, MiB |\n|---|---|---|")
    for before, seconds, memory in measure_long(longest):
        print(f"| {before} | {1e3 * seconds:.1f} | {memory:.0f} |", flush=True)


def measure_long(longest: int) -> Iterator[tuple[int, float, float]]:
    """CPU seconds of a frame and memory after ever more frames of one clip."""
    tracker, images = start_tracker(1, _SMALLEST, _CYCLE, _SAMPLE)
    marks = [before for before in (10, 100, 1000, 10_000, 100_000) if before <= longest]
    number = 1
    for before in marks:
        while number < before:
            tracker.track(images[number % len(images)])
            number += 1
        started = time.process_time()
        for _ in range(_CYCLE):
            tracker.track(images[number % len(images)])
            number += 1
        yield before, (time.process_time() - started) / _CYCLE, resident_mib()


def do_nothing(job: int, count_frames: CountFrames) -> int:
    """An empty job."""
    return job


def show_engine(name: str, jobs: int) -> None:
    """Measure an engine in this process; torchrun started it."""
    engine = start_engine(name, 2, WorkerSetup(_CPU, 1, quiet=True))
    assert engine is not None  # as there are workers
    with engine:
        if engine.is_worker:
            engine.serve()
            return
        arrivals = [
            time.perf_counter() for _ in engine.run(do_nothing, range(jobs), lambda _: None)
        ]
    rate = (jobs - 1) / (arrivals[-1] - arrivals[0])
    print(f"| {name} | {jobs} | {rate:.0f} |", flush=True)


def show_engines(jobs: int) -> None:
    """Empty jobs per second; the start of the workers is not counted."""
    print("| engine, 2 workers | jobs | jobs per second |\n|---|---|---|", flush=True)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for name in ("local", "torchrun", "ray"):
        launch = torchrun if name == "torchrun" else [sys.executable]
        words = [*launch, __file__, "engine", name, "--jobs", str(jobs)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(words, env=environment, check=False)
        if done.returncode:
            print(f"| {name} | {jobs} | failed |", flush=True)


def hand_out(costs: np.ndarray, workers: int, hand_s: float) -> float:
    """Seconds until all jobs are done, the longest first; one process hands them out.

    >>> hand_out(np.array([3.0, 2.0, 2.0, 1.0]), 2, 0.0)
    4.0
    """
    free = [0.0] * workers
    hands, end = 0.0, 0.0  # seconds at which the jobs' process and the last worker are done
    for cost in -np.sort(-costs):
        hands = max(heapq.heappop(free), hands) + hand_s
        heapq.heappush(free, hands + float(cost))
        end = max(end, hands + float(cost))
    return end


def draw_sets(lengths: Path | None) -> dict[str, np.ndarray]:
    """Frames and objects of the videos of every data set, (videos, 2)."""
    if lengths is not None:
        return {lengths.name: np.loadtxt(lengths, dtype=int, ndmin=2)}
    generator = np.random.default_rng(0)
    drawn = [generator.integers(*span, _YOUTUBE_VOS) for span in (_FRAMES, _OBJECTS)]
    return {
        "DAVIS 2017 val": _DAVIS,
        "YouTube-VOS 2019 valid": np.stack(drawn, axis=1),
        "a million clips": _DAVIS[generator.integers(0, len(_DAVIS), _MANY)],
    }


def simulate(arguments: argparse.Namespace) -> Iterator[str]:
    """Rows of the table: time until the end against total work divided by workers."""
    run = partial(hand_out, hand_s=1 / arguments.jobs_per_second)
    for name, videos in draw_sets(arguments.lengths).items():
        frames, objects = videos.T
        costs = frames * (arguments.frame + objects * arguments.object)
        for workers in _WORKERS:
            ideal = max(costs.sum() / workers, costs.max())
            end = run(costs, workers)
            share = costs.sum() / workers / end
            yield f"| {name} | {workers} | {ideal / 3600:.3f} | {end / 3600:.3f} | {share:.1%} |"


def main() -> int:
    """Parse the command line and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=_TABLES)
    parser.add_argument("name", nargs="?", default="local", help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--longest", type=int, default=10_000, help="frames of the longest clip")
    parser.add_argument("--lengths", type=Path, help="a file with frames and objects of videos")
    parser.add_argument("--jobs-per-second", type=float, default=200.0)
    parser.add_argument("--frame", type=float, default=0.05, help="seconds of a frame (0.05)")
    parser.add_argument("--object", type=float, default=0.05, help="and of an object in it (0.05)")
    arguments = parser.parse_args()
    if arguments.what != "engine":
        print(describe_machine(), flush=True)
    keep_memory()
    if arguments.what == "tracker":
        show_tracker()
    elif arguments.what == "frames":
        show_frames(arguments.longest)
    elif arguments.what == "engines":
        show_engines(arguments.jobs)
    elif arguments.what == "engine":
        show_engine(arguments.name, arguments.jobs)
    else:
        print("| data set | workers | ideal, h | longest first, h | workers busy |")
        print("|---|---|---|---|---|")
        for row in simulate(arguments):
            print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
