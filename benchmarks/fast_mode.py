"""What the fast mode gains and what it costs: J&F and milliseconds of every sequence, both ways.

    python benchmarks/fast_mode.py DAVIS --system joint --threads 2
    python benchmarks/fast_mode.py DAVIS --system dense_ulearn --sequences bear soccerball

DAVIS is a folder in DAVIS's layout (JPEGImages/480p, Annotations/480p, one object per sequence).
The exact and the fast mode follow each sequence one after the other in the same process, with the
network that ships with the package. Times are of the tracker alone, its start included; scores
leave out the first and the last frame, as DAVIS does.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from davis_videos import Video, read_videos, scores
from growth_trackers import SYSTEMS
from machine import describe_machine

from pytracking.evaluation.tracker import create_tracker
from pytracking.tracker.base import FrameInfo, OnlineTracker, Runtime

_VALIDATION = (
    "bear", "breakdance-flare", "car-turn", "horsejump-low", "mallard-fly", "scooter-gray",
    "soccerball",
)  # fmt: skip


def follow(tracker: OnlineTracker, video: Video) -> tuple[float, float]:
    """J&F in percent, and seconds."""
    started = time.perf_counter()
    found = [tracker.initialize(video.frames[0], FrameInfo((1,), video.truth[0]))]
    found += [tracker.track(frame) for frame in video.frames[1:]]
    seconds = time.perf_counter() - started
    masks = np.stack([output.segmentation for output in found])
    return float(scores(video.truth, masks)[1:-1].mean()), seconds


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("davis", type=Path)
    parser.add_argument("--system", choices=SYSTEMS, default="joint")
    parser.add_argument("--sequences", nargs="+", default=_VALIDATION)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    system, name = arguments.system, SYSTEMS[arguments.system].name
    exact = create_tracker(system, name)
    fast = create_tracker(system, name, ["fast=true"], runtime=Runtime(precision="bf16"))
    print(f"{describe_machine()}, {system} {name}\n")
    print("| sequence | frames | J&F exact | J&F fast | ms exact | ms fast | ratio |")
    print("|---|---|---|---|---|---|---|", flush=True)
    rows = []
    for video in read_videos(arguments.davis, 1, arguments.sequences):
        both = np.array([follow(tracker, video) for tracker in (exact, fast)])
        rows.append((len(video.frames), *both.T.flatten()))
        print(_row(video.name, np.array(rows[-1:])), flush=True)
    print(_row("all", np.array(rows)))


def _row(name: str, rows: np.ndarray) -> str:
    """The mean score of some sequences, and the mean time of their frames."""
    frames = rows[:, 0].sum()
    exact, fast = rows[:, 1:3].mean(axis=0)
    slow_ms, fast_ms = 1e3 * rows[:, 3:].sum(axis=0) / frames
    values = f"{exact:.1f} | {fast:.1f} | {slow_ms:.1f} | {fast_ms:.1f} | {slow_ms / fast_ms:.2f}"
    return f"| {name} | {frames:.0f} | {values} |"


if __name__ == "__main__":
    main()
