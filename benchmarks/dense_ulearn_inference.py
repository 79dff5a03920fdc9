"""Speed and memory of label propagation against its reference implementation.

    python benchmarks/dense_ulearn_inference.py               480x854, context of 20 frames full
    python benchmarks/dense_ulearn_inference.py --full        also early frames, a late object, bf16
    python benchmarks/dense_ulearn_inference.py --device cuda

Both forms get the same network (random weights), the same synthetic clip and the same state:
features and labels of the earlier frames are computed once by our tracker. Each form then continues
in a process of its own; times are of whole frames, network included, and on a CPU those of the
processor (the sum over threads), so that other work on the machine hardly counts. The last line is
``ratio=``: time of the reference implementation divided by ours, with the context full.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from fresh_process import run_in_fresh_process
from machine import describe_machine
from plain_dense_ulearn import PlainPropagation, PlainReference
from synthetic_clip import draw_clip

from ltr.admin.allocator import keep_memory
from ltr.admin.process_memory import peak_mib, reset_peak, resident_mib
from ltr.models.dense_ulearn.dense_ulearn_net import DenseULearnNet, dense_ulearn_resnet18
from pytracking.tracker.base import FrameInfo, Runtime
from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters

_PARAMS = DenseULearnParameters(net="")


@dataclass(frozen=True)
class Setting:
    """What is measured: one row of the table.

    Args:
        fill: Earlier frames.
        late: Frame in which the second object starts; None starts both in the first frame.
        frames: Number of timed frames, for the reference implementation and for ours.
        runtime: Of our form; the plain one computes in fp32.
        threads: Of both.
    """

    fill: int
    late: int | None
    frames: tuple[int, int]
    runtime: Runtime
    threads: int

    def clip(self) -> tuple[list[np.ndarray], dict[int, FrameInfo]]:
        """Frames, and what starts in them."""
        frames, labels = draw_clip(self.fill + max(self.frames), 2)
        if self.late is None:
            return frames, {0: FrameInfo((1, 2), labels)}
        return frames, {0: FrameInfo((1,), labels), self.late: FrameInfo((2,), labels)}


@dataclass
class Result:
    """Measurements of one form."""

    seconds: list[float]
    peak_mib: float
    labels: list[np.ndarray]


def drawn_network(device: torch.device) -> DenseULearnNet:
    """The network of the released snapshots with PyTorch's initial weights, in eval mode."""
    torch.manual_seed(0)
    return dense_ulearn_resnet18().eval().requires_grad_(False).to(device)


def fill(setting: Setting, path: Path) -> None:
    """Track the earlier frames; write our state, and all features and labels for the other form."""
    device = setting.runtime.device
    tracker = DenseULearnTracker(_PARAMS, drawn_network(device), Runtime(device))
    frames, starts = setting.clip()
    memory = []
    tracker.initialize(frames[0], starts[0])
    for index, frame in enumerate(frames[: setting.fill]):
        if index:
            tracker.track(frame, starts.get(index))
        propagation = tracker.state.propagation
        slot = index % _PARAMS.cxt_size
        features = propagation.features[slot].permute(2, 0, 1).clone()
        memory.append((features, propagation.labels[slot].t().reshape(-1, *features.shape[1:])))
    references = [(item.time, item.channels) for item in tracker.state.propagation.references]
    torch.save((tracker.state, memory, references), path)


def restore(
    form: str, setting: Setting, network: DenseULearnNet, path: Path
) -> Callable[[np.ndarray], np.ndarray]:
    """One form in the written state: from the next frame to its label map."""
    state, memory, references = torch.load(path, weights_only=False)
    if form == "ours":
        tracker = DenseULearnTracker(_PARAMS, network, setting.runtime)
        tracker.state = state
        return lambda frame: tracker.track(frame).segmentation
    plain = PlainPropagation(_PARAMS, network, setting.runtime.device)
    plain.features, plain.labels = (list(part) for part in zip(*memory, strict=True))
    plain.references = [PlainReference(*item) for item in references]
    return plain.track


def measure(form: str, setting: Setting, path: Path, queue: multiprocessing.Queue) -> None:
    """Time one form in this process; sends a ``Result``."""
    torch.set_num_threads(setting.threads)
    if form == "ours":
        keep_memory()
    device = setting.runtime.device
    network, (frames, _) = drawn_network(device), setting.clip()
    base = _memory(device)
    track = restore(form, setting, network, path)
    _reset_peak(device)
    result = Result([], 0.0, [])
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    for frame in frames[setting.fill :][: setting.frames[form == "ours"]]:
        start = clock()
        labels = track(frame)
        _synchronise(device)
        result.seconds.append(clock() - start)
        result.labels.append(labels)
    result.peak_mib = _peak(device) - base
    queue.put(result)


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _memory(device: torch.device) -> float:
    return torch.cuda.memory_allocated() / 2**20 if device.type == "cuda" else resident_mib()


def _reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        reset_peak()


def _peak(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else peak_mib()


def run(form: str, setting: Setting, path: Path) -> Result:
    """Measure one form in a fresh process."""
    return run_in_fresh_process(form, measure, setting, path)


def compare(what: str, setting: Setting) -> float:
    """Measure both forms and print a line each and how far they agree.

    Returns:
        Time of the reference implementation divided by ours.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.pt"
        fill(setting, path)
        results = {form: run(form, setting, path) for form in ("plain", "ours")}
    times = {form: float(np.median(result.seconds)) for form, result in results.items()}
    for form, result in results.items():
        print(
            f"{form:5s}  {what}: {times[form]:7.3f} s per frame, median of {len(result.seconds)}, "
            f"{result.peak_mib:6.0f} MiB above the network",
            flush=True,
        )
    pairs = zip(results["plain"].labels, results["ours"].labels, strict=False)
    shares = [float((plain == ours).mean()) for plain, ours in pairs]
    ratio = times["plain"] / times["ours"]
    print(f"       {min(shares):.4%} equal pixels in the worst frame, speed ratio {ratio:.2f}")
    return ratio


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="all rows of the table")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    runtime = Runtime(torch.device(arguments.device))
    size = _PARAMS.cxt_size
    main_row = Setting(size + 1, None, (2, 5), runtime, arguments.threads)
    print(describe_machine(runtime.device))
    print(f"480x854, two objects, {_PARAMS}")
    ratio = compare("context full", main_row)
    if arguments.full:
        compare("third frame", replace(main_row, fill=2))
        compare("an object started late", replace(main_row, late=8))
        compare("network in bf16", replace(main_row, runtime=replace(runtime, precision="bf16")))
    print(f"ratio={ratio:.2f}")


if __name__ == "__main__":
    main()
