"""How the cost grows with objects, frames, resolution and workers.

    python benchmarks/growth.py tracker      CPU time of a JOINT frame (a thin network)
    python benchmarks/growth.py engines      empty jobs per second of every engine
    python benchmarks/growth.py workers      simulated data sets on 8, 64 and 512 workers

``workers`` hands the longest job first to the next free worker, as the engines do. Every job costs
the process that hands out the jobs a fixed time, measured by ``engines`` and given as
``--jobs-per-second``; lengths are drawn between 20 and 180 frames with one to six objects, and
cost what ``--frame`` and ``--object`` say.
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

import numpy as np
import torch
from gpu_rows import small_joint
from synthetic_clip import draw_clip

from pytracking.evaluation.engines import start_engine
from pytracking.evaluation.engines.base import CountFrames
from pytracking.evaluation.engines.worker import WorkerSetup
from pytracking.tracker.base import FrameInfo, Runtime
from pytracking.tracker.joint.joint import JointTracker
from pytracking.tracker.joint.parameters import JointParameters

_CPU = torch.device("cpu")
_SIZES = {"240p": (240, 427), "480p": (480, 854), "1080p": (1080, 1920), "4K": (2160, 3840)}
_SETS = {"YouTube-VOS 2019 valid": 507, "a million clips": 1_000_000}
_WORKERS = (8, 64, 512)
_FRAMES, _OBJECTS = (20, 181), (1, 7)


def measure_frame(objects: int, size: tuple[int, int], frames: int = 4, warm: int = 2) -> float:
    """CPU seconds per tracked frame."""
    images, labels = draw_clip(min(warm + frames, 6), objects, size)
    params = JointParameters(net="", image_sample_size=(64, 96), min_mask_area=1.0)
    tracker = JointTracker(params, small_joint(_CPU), Runtime(_CPU))
    tracker.initialize(images[0], FrameInfo(tuple(range(1, objects + 1)), labels))
    for number in range(1, warm):
        tracker.track(images[number % len(images)])
    started = time.process_time()
    for number in range(warm, warm + frames):
        tracker.track(images[number % len(images)])
    return (time.process_time() - started) / frames


def show_tracker(longest: int) -> None:
    """Tables against objects, resolution and frames."""
    print("| objects, 240p | CPU ms per frame | per object |\n|---|---|---|")
    for objects in (1, 2, 3, 5, 10):
        seconds = measure_frame(objects, _SIZES["240p"])
        print(f"| {objects} | {1e3 * seconds:.0f} | {1e3 * seconds / objects:.0f} |", flush=True)
    print("\n| resolution, 1 object | CPU ms per frame |\n|---|---|")
    for name, size in _SIZES.items():
        print(f"| {name} | {1e3 * measure_frame(1, size):.0f} |", flush=True)
    print("\n| frames before, 240p, 1 object | CPU ms per frame |\n|---|---|")
    for before in (10, 100, longest):
        seconds = measure_frame(1, _SIZES["240p"], warm=before)
        print(f"| {before} | {1e3 * seconds:.0f} |", flush=True)


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


def draw_costs(jobs: int, frame_s: float, object_s: float) -> np.ndarray:
    """Seconds of every job."""
    generator = np.random.default_rng(0)
    frames, objects = (generator.integers(*span, jobs) for span in (_FRAMES, _OBJECTS))
    return frames * (frame_s + objects * object_s)


def simulate(arguments: argparse.Namespace) -> Iterator[str]:
    """Rows of the table: time until the end against total work divided by workers."""
    run = partial(hand_out, hand_s=1 / arguments.jobs_per_second)
    for name, jobs in _SETS.items():
        costs = draw_costs(jobs, arguments.frame, arguments.object)
        for workers in _WORKERS:
            ideal = max(costs.sum() / workers, costs.max())
            end = run(costs, workers)
            share = costs.sum() / workers / end
            yield f"| {name} | {workers} | {ideal / 3600:.2f} | {end / 3600:.2f} | {share:.1%} |"


def main() -> int:
    """Parse the command line and print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("tracker", "engines", "engine", "workers"))
    parser.add_argument("name", nargs="?", default="local", help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--longest", type=int, default=1000, help="frames of the longest clip")
    parser.add_argument("--jobs-per-second", type=float, default=200.0)
    parser.add_argument("--frame", type=float, default=0.05, help="seconds of a frame (0.05)")
    parser.add_argument("--object", type=float, default=0.05, help="and of an object in it (0.05)")
    arguments = parser.parse_args()
    if arguments.what == "tracker":
        show_tracker(arguments.longest)
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
