"""What the fast mode gains and what it costs: J&F and milliseconds of every sequence, both ways.

    python benchmarks/fast_mode.py DAVIS --system joint --threads 2
    python benchmarks/fast_mode.py DAVIS --system dense_ulearn --sequences bear soccerball
    python benchmarks/fast_mode.py --system joint --objects 3     the full-size network

DAVIS is a folder in DAVIS's layout (JPEGImages/480p, Annotations/480p, one object per sequence).
The exact and the fast mode follow each sequence one after the other in the same process, with the
network that ships with the package. Times are of the tracker alone, its start included; scores
leave out the first and the last frame, as DAVIS does.

Without a folder it is the network of full size with drawn weights that follows a synthetic clip of
480x854, and only milliseconds are shown, once its memory is full. Every frame is tracked then, as
what drawn weights give does not move with the frames.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
from davis_videos import Video, read_videos, scores
from dense_ulearn_inference import drawn_network
from growth_trackers import SYSTEMS
from machine import describe_machine
from seeded_network import seeded_network
from synthetic_clip import draw_clip

from ltr.admin.allocator import keep_memory
from ltr.admin.errors import DataError
from pytracking.evaluation.tracker import create_tracker
from pytracking.tracker.base import FrameInfo, OnlineTracker, Runtime
from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters
from pytracking.tracker.joint.joint import JointTracker
from pytracking.tracker.joint.parameters import JointParameters

_VALIDATION = (
    "bear", "breakdance-flare", "car-turn", "horsejump-low", "mallard-fly", "scooter-gray",
    "soccerball",
)  # fmt: skip
_CYCLES = 2
_EXACT, _FAST = Runtime(), Runtime(precision="bf16")


def follow(tracker: OnlineTracker, video: Video) -> tuple[float, float]:
    """J&F in percent, and seconds."""
    started = time.perf_counter()
    found = [tracker.initialize(video.frames[0], FrameInfo((1,), video.truth[0]))]
    found += [tracker.track(frame) for frame in video.frames[1:]]
    seconds = time.perf_counter() - started
    masks = np.stack([output.segmentation for output in found])
    return float(scores(video.truth, masks)[1:-1].mean()), seconds


def show_shipped(folder: Path, system: str, sequences: list[str]) -> None:
    """The table of the network that ships.

    Raises:
        DataError: There is none of the sequences.
    """
    videos = read_videos(folder, 1, sequences)
    if not videos:
        raise DataError(f"{folder} has none of these sequences: {', '.join(sequences)}")
    name = SYSTEMS[system].name
    exact = create_tracker(system, name, runtime=_EXACT)
    fast = create_tracker(system, name, ["fast=true"], runtime=_FAST)
    print("| sequence | frames | J&F exact | J&F fast | ms exact | ms fast | ratio |")
    print("|---|---|---|---|---|---|---|", flush=True)
    rows = []
    for video in videos:
        both = np.array([follow(tracker, video) for tracker in (exact, fast)])
        rows.append((len(video.frames), *both.T.flatten()))
        print(_row(video.name, np.array(rows[-1:])), flush=True)
    print(_row("all", np.array(rows)))


def joint_of_full_size(is_fast: bool) -> tuple[OnlineTracker, int, int]:
    """A tracker; the frames that fill its memory, and those from one update to the next."""
    params = JointParameters(net="")
    params = params.faster() if is_fast else params
    runtime, interval = _FAST if is_fast else _EXACT, params.train_sample_interval
    tracker = JointTracker(params, seeded_network(runtime.device), runtime)
    return tracker, (params.sample_memory_size - 1) * interval + 1, interval


def dense_ulearn_of_full_size(is_fast: bool) -> tuple[OnlineTracker, int, int]:
    """A tracker; the frames that fill its context, and one, as all frames are alike."""
    params = DenseULearnParameters(net="")
    params = params.faster() if is_fast else params
    runtime = _FAST if is_fast else _EXACT
    tracker = DenseULearnTracker(params, drawn_network(runtime.device), runtime)
    return tracker, params.cxt_size + 1, 1


FULL_SIZE: dict[str, Callable[[bool], tuple[OnlineTracker, int, int]]] = {
    "joint": joint_of_full_size,
    "dense_ulearn": dense_ulearn_of_full_size,
}


def show_full_size(system: str, objects: int) -> None:
    """The row of the network of full size."""
    keep_memory()
    costs = []
    for is_fast in (False, True):
        tracker, filling, interval = FULL_SIZE[system](is_fast)
        images, labels = draw_clip(12, objects)
        there_and_back = cycle([*images[1:], *images[-2:0:-1]])
        tracker.initialize(images[0], FrameInfo(tuple(range(1, objects + 1)), labels))
        for image in islice(there_and_back, filling):
            tracker.track(image)
        started, count = time.perf_counter(), _CYCLES * interval
        for image in islice(there_and_back, count):
            tracker.track(image)
        costs.append(1e3 * (time.perf_counter() - started) / count)
    exact, fast = costs
    print("| objects, memory full | ms exact | ms fast | ratio |\n|---|---|---|---|")
    print(f"| {objects} | {exact:.0f} | {fast:.0f} | {exact / fast:.2f} |")


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("davis", type=Path, nargs="?")
    parser.add_argument("--system", choices=SYSTEMS, default="joint")
    parser.add_argument("--sequences", nargs="+", default=_VALIDATION)
    parser.add_argument("--objects", type=int, default=1, help="of the synthetic clip")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"{describe_machine()}, {arguments.system}\n")
    if arguments.davis is None:
        show_full_size(arguments.system, arguments.objects)
    else:
        show_shipped(arguments.davis, arguments.system, arguments.sequences)


def _row(name: str, rows: np.ndarray) -> str:
    """The mean score of some sequences, and the mean time of their frames."""
    frames = rows[:, 0].sum()
    exact, fast = rows[:, 1:3].mean(axis=0)
    slow_ms, fast_ms = 1e3 * rows[:, 3:].sum(axis=0) / frames
    values = f"{exact:.1f} | {fast:.1f} | {slow_ms:.1f} | {fast_ms:.1f} | {slow_ms / fast_ms:.2f}"
    return f"| {name} | {frames:.0f} | {values} |"


if __name__ == "__main__":
    main()
