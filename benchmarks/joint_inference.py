"""Speed and memory of the JOINT tracker against its reference implementation.

    python benchmarks/joint_inference.py                  one object, 480x854, memory full
    python benchmarks/joint_inference.py --sequence       one object, 70 frames from the start
    python benchmarks/joint_inference.py --full           1, 3, 5 objects, a sequence, bf16, compile
    python benchmarks/joint_inference.py --device cuda    the same on a GPU

Both forms get the same network (random weights), the same synthetic clip and the same state: our
tracker runs until every object's memory holds 20 frames, then each form continues from there in a
process of its own. One frame, which updates the memory, warms the process up; then whole cycles of
one memory update are timed. The last line is ``ratio=``: time of the reference implementation
divided by ours, for one object with the memory full.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from fresh_process import run_in_fresh_process
from machine import describe_machine
from plain_joint import LastFrame, PlainJointTracker, PlainObject
from seeded_network import seeded_network
from synthetic_clip import draw_clip

from ltr.admin.process_memory import peak_mib, reset_peak, resident_mib
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker, Runtime
from pytracking.tracker.joint.geometry import SearchWindow
from pytracking.tracker.joint.joint import JointTracker
from pytracking.tracker.joint.parameters import JointParameters
from pytracking.tracker.joint.patch import cut_window
from pytracking.tracker.joint.sample_weights import SampleWeights
from pytracking.tracker.joint.state import ObjectState

SEQUENCE_LENGTH = 70

Windows = dict[tuple[int, int], SearchWindow]


@dataclass(frozen=True)
class Setting:
    """What is measured: one row of the table."""

    objects: int
    frames: int
    is_memory_full: bool
    runtime: Runtime
    threads: int
    params: JointParameters = field(default_factory=lambda: JointParameters(net=""))

    @property
    def fill_frames(self) -> int:
        """Frames after which the memory is full and the next one is an update."""
        if not self.is_memory_full:
            return 0
        return (self.params.sample_memory_size - 1) * self.params.train_sample_interval + 1

    @property
    def first_timed(self) -> int:
        """Position of the first timed frame."""
        return self.fill_frames + 1 + int(self.is_memory_full)

    def clip(self) -> tuple[list[np.ndarray], FrameInfo]:
        """Frames, and the start of the objects."""
        count = self.first_timed + self.frames
        frames, labels = draw_clip(count, self.objects)
        return frames, FrameInfo(tuple(range(1, self.objects + 1)), labels)


@dataclass
class Result:
    """Measurements of one form."""

    seconds: list[float]
    peak_mib: float
    labels: list[np.ndarray]
    windows: list[Windows]


@dataclass
class Stored:
    """A frame that our tracker put into an object's memory."""

    frame: int
    window: SearchWindow
    mask: torch.Tensor


class Recorder:
    """Runs our tracker, and records what enters its memories for the reference implementation."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.stored: dict[int, list[Stored]] = {}
        device = setting.runtime.device
        self.tracker = JointTracker(setting.params, seeded_network(device), Runtime(device), self)

    def __call__(self, event: str, item: ObjectState, **tensors: torch.Tensor) -> None:
        """Note an update that stores a frame."""
        params = self.setting.params
        if event == "init":
            self.stored[item.object_id] = []  # both forms start by themselves
        elif event == "update" and item.frame_number % params.train_sample_interval == 0:
            state = self.tracker.state
            probability = state.probabilities[None, item.object_id : item.object_id + 1]
            window = item.last_crop.window
            mask = cut_window(probability, window, params.image_sample_size, True)
            self.stored[item.object_id].append(Stored(item.frame_number - 2, window, mask))


def fill(setting: Setting, path: Path) -> None:
    """Run our tracker until the memory is full, and write its state and what it stored."""
    recorder = Recorder(setting)
    tracker = recorder.tracker
    frames, info = setting.clip()
    tracker.initialize(frames[0], info)
    for frame in frames[1 : setting.fill_frames + 1]:
        tracker.track(frame)
    torch.save((tracker.state, recorder.stored), path)


def restore_ours(setting: Setting, path: Path) -> JointTracker:
    """Our tracker in the written state."""
    tracker = _fresh_ours(setting)
    tracker.state, _ = torch.load(path, weights_only=False)
    return tracker


@torch.no_grad()
def restore_plain(
    setting: Setting, path: Path, frames: list[np.ndarray], info: FrameInfo
) -> PlainJointTracker:
    """The reference implementation in the same state."""
    tracker = _fresh_plain(setting)
    state, stored = torch.load(path, weights_only=False)
    tracker.initialize(frames[0], info)
    for item, ours in zip(tracker.objects, state.objects, strict=True):
        records = stored[item.object_id]
        item.stored += [_layer3(tracker, frames[r.frame], r.window) for r in records]
        item.masks += [record.mask for record in records]
        _copy_state(item, ours, setting.params)
        item.memory = (
            torch.cat(item.stored),
            tracker.network.label_encoder(torch.cat(item.masks))[1],
        )
        window = ours.last_crop.window
        layer3 = _layer3(tracker, frames[setting.fill_frames], window)
        item.last = LastFrame(window, window, layer3)
    tracker.probabilities, tracker.moments = state.probabilities, state.moments
    return tracker


def _fresh_ours(setting: Setting) -> JointTracker:
    device = setting.runtime.device
    return JointTracker(setting.params, seeded_network(device), setting.runtime)


def _fresh_plain(setting: Setting) -> PlainJointTracker:
    device = setting.runtime.device
    return PlainJointTracker(setting.params, seeded_network(device), device)


def _layer3(tracker: PlainJointTracker, frame: np.ndarray, window: SearchWindow) -> torch.Tensor:
    patch = cut_window(tracker.to_device(frame), window, tracker.params.image_sample_size, False)
    return tracker.backbone(patch)["layer3"]


def _copy_state(item: PlainObject, ours: ObjectState, params: JointParameters) -> None:
    item.target, item.filters = ours.target, ours.filters[None].clone()
    item.frame_number = ours.frame_number
    item.weights = SampleWeights(
        params.sample_memory_size, params.learning_rate, params.init_samples_minimum_weight
    )
    for _ in item.stored[1:]:
        item.weights.insert()


def measure(
    form: str, setting: Setting, path: Path, given: Windows, queue: multiprocessing.Queue
) -> None:
    """Time one form in this process; sends a ``Result``.

    The reference implementation looks through the windows that are given, and notes those that it
    planned.
    """
    torch.set_num_threads(setting.threads)
    frames, info = setting.clip()
    base = _network_memory(setting)
    tracker: JointTracker | PlainJointTracker
    if form == "ours":
        tracker = restore_ours(setting, path) if setting.is_memory_full else _fresh_ours(setting)
    else:
        is_full = setting.is_memory_full
        tracker = restore_plain(setting, path, frames, info) if is_full else _fresh_plain(setting)
        tracker.given = given
    if not setting.is_memory_full:
        tracker.initialize(frames[0], info)
    result = Result([], 0.0, [], [])
    for frame in frames[setting.fill_frames + 1 : setting.first_timed]:
        tracker.track(frame)
        result.windows.append(_windows(tracker))
    _reset_peak(setting)
    for frame in frames[setting.first_timed :]:
        seconds, output = _timed_step(tracker, frame, setting)
        result.seconds.append(seconds)
        result.labels.append(output.segmentation)
        result.windows.append(_windows(tracker))
    result.peak_mib = _peak(setting) - base
    queue.put(result)


def _timed_step(
    tracker: OnlineTracker, frame: np.ndarray, setting: Setting
) -> tuple[float, FrameOutput]:
    _synchronise(setting)
    start = time.perf_counter()
    output = tracker.track(frame)
    _synchronise(setting)
    return time.perf_counter() - start, output


def _windows(tracker: JointTracker | PlainJointTracker) -> Windows:
    if isinstance(tracker, JointTracker):
        items = tracker.state.objects
        return {(item.frame_number, item.object_id): item.last_crop.window for item in items}
    return {
        (item.frame_number, item.object_id): item.last.planned
        for item in tracker.objects
        if item.last is not None
    }


def _synchronise(setting: Setting) -> None:
    if setting.runtime.device.type == "cuda":
        torch.cuda.synchronize()


def _network_memory(setting: Setting) -> float:
    """Memory of this process with nothing but the network, in MiB."""
    network = seeded_network(setting.runtime.device)
    if setting.runtime.device.type == "cuda":
        base = torch.cuda.memory_allocated() / 2**20
    else:
        base = resident_mib()
    del network
    return base


def _reset_peak(setting: Setting) -> None:
    if setting.runtime.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        resident_mib()
        reset_peak()


def _peak(setting: Setting) -> float:
    if setting.runtime.device.type == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return peak_mib()


def run(form: str, setting: Setting, path: Path, given: Windows) -> Result:
    """Measure one form in a fresh process."""
    return run_in_fresh_process(form, measure, setting, path, given)


def compare(setting: Setting) -> tuple[float, float]:
    """Measure both forms and print a line each and how far they agree.

    Returns:
        Time of the reference implementation divided by ours, and our seconds per frame.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.pt"
        if setting.is_memory_full:
            fill(setting, path)
        ours = run("ours", setting, path, {})
        given = {key: window for frame in ours.windows for key, window in frame.items()}
        results = {"plain": run("plain", setting, path, given), "ours": ours}
    what = "memory full" if setting.is_memory_full else f"whole sequence of {setting.frames + 1}"
    times = {}
    for form, result in results.items():
        times[form] = float(np.mean(result.seconds))
        rate = setting.objects / times[form]
        print(
            f"{form:5s}  {setting.objects} object(s), {what}: {1 / times[form]:6.3f} frames/s, "
            f"{rate:6.3f} object-frames/s, {result.peak_mib:6.0f} MiB above the network",
            flush=True,
        )
    ratio = times["plain"] / times["ours"]
    _print_agreement(results["plain"], results["ours"])
    memory = results["ours"].peak_mib / results["plain"].peak_mib
    print(f"       speed ratio {ratio:.2f}, memory ratio {memory:.2f}", flush=True)
    return ratio, times["ours"]


def _print_agreement(plain: Result, ours: Result) -> None:
    """Share of equal pixels, and how often the reference would have looked elsewhere.

    The size of a window is a truncated quotient that is mathematically an integer, so rounding
    differences of 1e-7 in a mask can change it by a pixel. The reference implementation is
    therefore given our windows; those that it would have chosen differently are counted.
    """
    shares = [float((a == b).mean()) for a, b in zip(plain.labels, ours.labels, strict=True)]
    planned = [w.coords for frame in plain.windows for w in frame.values()]
    used = [w.coords for frame in ours.windows for w in frame.values()]
    flips = sum(a != b for a, b in zip(planned, used, strict=True))
    print(
        f"       {np.mean(shares):.4%} equal pixels, worst of {len(shares)} frames "
        f"{min(shares):.4%}; {flips} of {len(used)} windows planned differently"
    )


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="all object counts, whole sequence")
    parser.add_argument("--sequence", action="store_true", help="only the whole sequence")
    parser.add_argument("--objects", type=int, nargs="+", help="object counts with memory full")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16", "fp16"))
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    runtime = Runtime(torch.device(arguments.device), arguments.precision, arguments.compile)
    counts = arguments.objects or ([1, 3, 5] if arguments.full else [1])
    one = Setting(1, 3, True, runtime, arguments.threads)
    sequence = replace(one, frames=SEQUENCE_LENGTH - 1, is_memory_full=False)
    print(describe_machine(runtime.device))
    print(f"{runtime.precision}, 480x854")
    if arguments.sequence:
        print(f"ratio={compare(sequence)[0]:.2f}")
        return
    results = {count: compare(replace(one, objects=count)) for count in counts}
    for count in counts[1:]:
        cost = results[count][1] / results[counts[0]][1]
        print(f"{count} objects cost {cost:.2f} times {counts[0]}")
    if arguments.full:
        compare(sequence)
        for options in ({"precision": "bf16"}, {"compile": True}):
            print(f"with {options}:")
            compare(replace(one, runtime=replace(runtime, **options)))
    print(f"ratio={results[counts[0]][0]:.2f}")


if __name__ == "__main__":
    main()
