"""How the cost grows with objects, frames, resolution and workers.

    python benchmarks/growth.py tracker --system joint    against objects and resolution
    python benchmarks/growth.py frames --system joint     against frames, with memory
    python benchmarks/growth.py jobs --system joint       short clips on one and two workers
    python benchmarks/growth.py engines      empty jobs per second of every engine
    python benchmarks/growth.py workers      simulated data sets on 8, 64 and 512 workers
    python benchmarks/growth.py workers --lengths mine.txt    "frames objects" of a video on a line

``tracker``, ``frames`` and ``jobs`` measure the networks that ship with the package on one thread;
``--output`` writes their rows, which ``growth_curves.py`` draws.
``workers`` hands the longest job first to the next free worker, as the engines do. Every job costs
the process that hands out the jobs a fixed time, measured by ``engines`` and given as
``--jobs-per-second``; frames and objects cost what ``--frame`` and ``--object`` say. DAVIS has its
own lengths, a million clips have lengths drawn from these, and the videos of YouTube-VOS 20 to 180
frames and one to six objects.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import torch
from growth_jobs import WORKERS, against_workers
from growth_trackers import SYSTEMS, Row, against_frames, against_objects, against_resolution
from machine import describe_machine

from pytracking.evaluation.engines import start_engine
from pytracking.evaluation.engines.base import CountFrames
from pytracking.evaluation.engines.worker import WorkerSetup

_TABLES = ("tracker", "frames", "jobs", "engines", "engine", "workers")
_CPU = torch.device("cpu")
_YOUTUBE_VOS, _MANY = 507, 1_000_000
# Frames and objects of the videos of DAVIS 2017 val, in alphabetical order.
_DAVIS = np.array([
    (69, 2), (50, 1), (80, 2), (84, 1), (90, 1), (75, 1), (40, 1), (104, 1), (90, 1), (60, 1),
    (66, 3), (52, 1), (50, 1), (90, 1), (78, 5), (50, 2), (81, 3), (34, 2), (50, 3), (47, 5),
    (49, 1), (50, 3), (79, 2), (40, 2), (80, 3), (100, 1), (79, 3), (43, 2), (40, 3), (99, 3),
])  # fmt: skip
_SIMULATED = (8, 64, 512)
_FRAMES, _OBJECTS = (20, 181), (1, 7)


def show_rows(rows: Iterable[Row], columns: dict[str, str]) -> list[Row]:
    """Print rows as a table, each as soon as it is known.

    Args:
        rows: Values by name.
        columns: Title of each column by the name of its value.
    """
    print(f"| {' | '.join(columns.values())} |\n|{'---|' * len(columns)}", flush=True)
    shown = []
    for row in rows:
        print(f"| {' | '.join(_cell(row[key]) for key in columns)} |", flush=True)
        shown.append(row)
    print()
    return shown


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
    return str(value)


def show_tracker(arguments: argparse.Namespace) -> dict[str, list[Row]]:
    """Tables against objects and resolution."""
    system = arguments.system
    cost = {"ms": "CPU ms per frame"}
    return {
        "objects": show_rows(
            against_objects(system),
            {"objects": f"{system}, objects, 240p"} | cost | {"ms_object": "per object"},
        ),
        "resolution": show_rows(
            against_resolution(system), {"resolution": f"{system}, 1 object"} | cost
        ),
    }


def show_frames(arguments: argparse.Namespace) -> dict[str, list[Row]]:
    """The table against frames."""
    columns = {
        "frames": f"{arguments.system}, frames, 112x64, 1 object",
        "ms": "CPU ms per frame since the row above",
        "memory_mib": "memory, MiB",
        "peak_mib": "peak so far, MiB",
    }
    return {"frames": show_rows(against_frames(arguments.system, arguments.longest), columns)}


def show_jobs(arguments: argparse.Namespace) -> dict[str, list[Row]]:
    """The table of short clips against workers."""
    columns = {
        "workers": f"{arguments.system}, workers",
        "clips": "clips",
        "frames": "frames",
        "start_s": "start, s",
        "ideal_s": "ideal, s",
        "measured_s": "measured, s",
    }
    return {"jobs": show_rows(against_workers(arguments.system), columns)}


def do_nothing(job: int, count_frames: CountFrames) -> int:
    """An empty job."""
    return job


def show_engine(name: str, workers: int, jobs: int) -> None:
    """Measure an engine in this process; torchrun started it."""
    engine = start_engine(name, workers, WorkerSetup(_CPU, 1, quiet=True))
    assert engine is not None  # as there are workers
    with engine:
        if engine.is_worker:
            engine.serve()
            return
        arrivals = [
            time.perf_counter() for _ in engine.run(do_nothing, range(jobs), lambda _: None)
        ]
    rate = (jobs - 1) / (arrivals[-1] - arrivals[0])
    print(f"| {name} | {workers} | {jobs} | {rate:.0f} |", flush=True)


def show_engines(jobs: int) -> None:
    """Empty jobs per second; the start of the workers is not counted."""
    print("| engine | workers | jobs | jobs per second |\n|---|---|---|---|", flush=True)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for name, workers in product(("local", "torchrun", "ray"), WORKERS):
        is_launched = name == "torchrun"
        launch = [*torchrun, f"--nproc-per-node={workers}"] if is_launched else [sys.executable]
        words = [*launch, __file__, "engine", name, "--jobs", str(jobs), "--workers", str(workers)]
        done = subprocess.run(words, env=environment, check=False)
        if done.returncode:
            print(f"| {name} | {workers} | {jobs} | failed |", flush=True)


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
        for workers in _SIMULATED:
            ideal = max(costs.sum() / workers, costs.max())
            end = run(costs, workers)
            share = costs.sum() / workers / end
            yield f"| {name} | {workers} | {ideal / 3600:.3f} | {end / 3600:.3f} | {share:.1%} |"


def show_workers(arguments: argparse.Namespace) -> None:
    """The table of simulated data sets."""
    print("| data set | workers | ideal, h | longest first, h | workers busy |")
    print("|---|---|---|---|---|")
    for row in simulate(arguments):
        print(row, flush=True)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=_TABLES)
    parser.add_argument("name", nargs="?", default="local", help=argparse.SUPPRESS)
    parser.add_argument("--system", choices=tuple(SYSTEMS), default="joint")
    parser.add_argument("--output", type=Path, help="a JSON file for the rows of the tracker")
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2, help=argparse.SUPPRESS)
    parser.add_argument("--longest", type=int, default=10_000, help="frames of the longest clip")
    parser.add_argument("--lengths", type=Path, help="a file with frames and objects of videos")
    parser.add_argument("--jobs-per-second", type=float, default=200.0)
    parser.add_argument("--frame", type=float, default=0.05, help="seconds of a frame (0.05)")
    parser.add_argument("--object", type=float, default=0.05, help="and of an object in it (0.05)")
    return parser.parse_args()


def main() -> int:
    """Print tables."""
    arguments = parse_arguments()
    if arguments.what == "engine":
        show_engine(arguments.name, arguments.workers, arguments.jobs)
        return 0
    torch.set_num_threads(1)
    print(describe_machine(), flush=True)
    if arguments.what == "engines":
        show_engines(arguments.jobs)
    elif arguments.what == "workers":
        show_workers(arguments)
    else:
        show = {"tracker": show_tracker, "frames": show_frames, "jobs": show_jobs}[arguments.what]
        tables = show(arguments)
        if arguments.output:
            written = {"system": arguments.system, "machine": describe_machine(), **tables}
            arguments.output.write_text(json.dumps(written, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
