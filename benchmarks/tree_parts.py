"""Seconds of one part of whichever checkout lies on the path: ``compare_trees.py`` runs it.

The checkout's own benchmarks build networks and batches, so that each measures the code beside it;
names that differ between old and new checkouts are looked up here. Seconds are those of the
processor with one thread (``OMP_NUM_THREADS``), else those of the clock.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
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
    seconds = bench.run_ours(replace(small, frames=_FRAMES))[0]
    return float(seconds.used if torch.get_num_threads() == 1 else seconds.wall)


def atnet() -> float:
    """Two rounds with three objects, 427x240."""
    bench: Any = import_module("interactive_rounds")
    more = (bench.ATNet, 64) if hasattr(bench, "Setting") else ()
    network = bench.drawn_network(_CPU, *more)
    frames, labels = bench.draw_clip(_FRAMES, 3, (240, 427))
    lines = bench.draw_lines(labels)
    host = bench.AtnetHost(bench.AtnetParameters(net=""), network, bench.Runtime(_CPU))
    return _two_rounds(host, frames, 3, lines)


def manet(objects: int) -> float:
    """Two rounds, 854x480."""
    parameters = import_module("pytracking.tracker.interactive.parameters").ManetParameters(net="")
    network = import_module("ltr.models.interactive.manet").manet().eval().requires_grad_(False)
    host = import_module("pytracking.tracker.interactive.manet").ManetHost
    return _rounds_of(lambda runtime: host(parameters, network, runtime), objects)


def ipn(objects: int) -> float:
    """Two rounds, 854x480."""
    models: Any = import_module("ltr.models.interactive.ipn")
    networks = (models.interaction_network(), models.propagation_network())
    parameters = import_module("pytracking.tracker.interactive.parameters")
    given = parameters.IpnParameters(net="", propagation_net="")
    host = import_module("pytracking.tracker.interactive.ipn").IpnHost
    ready = tuple(network.eval().requires_grad_(False) for network in networks)
    return _rounds_of(lambda runtime: host(given, ready, runtime), objects)


def _rounds_of(create: Callable[[Any], Any], objects: int) -> float:
    bench: Any = import_module("interactive_rounds")
    bench._OBJECTS = objects  # of older checkouts
    torch.manual_seed(0)
    frames, labels = bench.draw_clip(_FRAMES, objects, (480, 854))
    return _two_rounds(create(bench.Runtime(_CPU)), frames, objects, bench.draw_lines(labels))


def _two_rounds(host: Any, frames: Any, objects: int, lines: Any) -> float:
    host.start(frames, objects)
    started = _now()
    for frame in (0, _FRAMES - 1):
        host.interact(frame, lines)
    return _now() - started


def _now() -> float:
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


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
        started = _now()
        for _ in range(_MASKS):
            files.write_label_map(path, labels)
            files.read_label_map(path)
        return _now() - started


def pictures() -> float:
    """Reading JPEGs of 854x480."""
    files: Any = import_module("ltr.data.image_io")
    frame = import_module("interactive_rounds").draw_clip(1, 3, (480, 854))[0][0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.jpg"
        files.write_image(path, frame)
        started = _now()
        for _ in range(_MASKS):
            files.read_image(path)
        return _now() - started


PARTS: dict[str, Callable[[], float]] = {
    part.__name__: part for part in (propose_reduce, atnet, training, masks, pictures)
} | {
    f"{part.__name__}_{objects}": partial(part, objects)
    for part in (manet, ipn)
    for objects in (1, 3)
}

if __name__ == "__main__":
    print(PARTS[sys.argv[1]]())
