"""CPU seconds of one part of whichever checkout lies on the path: ``compare_trees.py`` runs it.

The checkout's own benchmarks build networks and batches, so that each measures the code beside it;
names that differ between old and new checkouts are looked up here.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import torch

_CPU = torch.device("cpu")
_STEPS, _FRAMES, _MASKS = 2, 3, 300


def propose_reduce() -> float:
    """A clip of 256x144, five key frames with two objects."""
    bench = import_module("propose_reduce")
    small = getattr(bench, "SMALL", None) or vars(bench)["_SMALL"]
    used: float = bench.run_ours(replace(small, frames=_FRAMES))[0].used
    return used


def atnet() -> float:
    """Two rounds with three objects, 427x240."""
    bench: Any = import_module("interactive_rounds")
    more = (bench.ATNet, 64) if hasattr(bench, "Setting") else ()
    network = bench.drawn_network(_CPU, *more)
    frames, labels = bench.draw_clip(_FRAMES, 3, (240, 427))
    lines = bench.draw_lines(labels)
    host = bench.AtnetHost(bench.AtnetParameters(net=""), network, bench.Runtime(_CPU))
    host.start(frames, 3)
    started = time.process_time()
    for frame in (0, _FRAMES - 1):
        host.interact(frame, lines)
    return time.process_time() - started


def training() -> float:
    """A step of JOINT's second stage, one sequence, crops of 416x240."""
    bench: Any = import_module("joint_training")
    bench.STEPS = _STEPS
    setting = bench.Setting("cpu", 1, (416, 240))
    if hasattr(setting, "threads"):
        setting = replace(setting, threads=torch.get_num_threads())
    results: SimpleQueue[Any] = SimpleQueue()
    bench.measure("ours", setting, results)
    return float(np.median(results.get().seconds[1:]))


def masks() -> float:
    """Writing and reading masks of 854x480."""
    files: Any = import_module("ltr.data.image_io")
    labels = import_module("interactive_rounds").draw_clip(1, 3, (480, 854))[1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mask.png"
        started = time.process_time()
        for _ in range(_MASKS):
            files.write_label_map(path, labels)
            files.read_label_map(path)
        return time.process_time() - started


def pictures() -> float:
    """Reading JPEGs of 854x480."""
    files: Any = import_module("ltr.data.image_io")
    frame = import_module("interactive_rounds").draw_clip(1, 3, (480, 854))[0][0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.jpg"
        files.write_image(path, frame)
        started = time.process_time()
        for _ in range(_MASKS):
            files.read_image(path)
        return time.process_time() - started


PARTS: dict[str, Callable[[], float]] = {
    part.__name__: part for part in (propose_reduce, atnet, training, masks, pictures)
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    print(PARTS[sys.argv[1]]())
