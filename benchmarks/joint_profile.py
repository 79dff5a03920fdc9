"""Where the time of a tracked frame goes, with the memory full.

    python benchmarks/joint_profile.py --objects 1

Components are timed inside whole frames, for three frames of which one updates the memory; the
table gives seconds per frame, the update's share spread over the three.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import torch
from joint_inference import Setting, fill, restore_ours
from machine import describe_machine

from pytracking.tracker.base import Runtime
from pytracking.tracker.joint import joint
from pytracking.tracker.joint.features import FrameEncoder
from pytracking.tracker.joint.joint import JointTracker
from pytracking.tracker.joint.memory import ObjectMemory

FRAMES = 3


class Stopwatch:
    """Adds up the seconds of named functions; only the outermost one counts."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._is_running = False

    def watch(self, owner: object, function: str, name: str) -> None:
        """Replace a function of a class, object or module by a timed one."""
        original = getattr(owner, function)
        setattr(owner, function, self._timed(original, name))

    def _timed(self, original: Callable, name: str) -> Callable:
        def timed(*args: object, **kwargs: object) -> object:
            if self._is_running:
                return original(*args, **kwargs)
            self._is_running = True
            start = time.perf_counter()
            result = original(*args, **kwargs)
            self.seconds[name] += time.perf_counter() - start
            self._is_running = False
            return result

        return timed


def main() -> None:
    """Fill the memory, time the components, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=1)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(describe_machine(), flush=True)
    runtime = Runtime(precision=arguments.precision)
    setting = Setting(arguments.objects, FRAMES, True, runtime, arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        fill(setting, Path(folder) / "state.pt")
        tracker = restore_ours(setting, Path(folder) / "state.pt")
    frames = setting.clip()[0][setting.fill_frames + 1 :]
    for frame in frames[:-FRAMES]:
        tracker.track(frame)
    watch = Stopwatch()
    _watch_components(watch, tracker)
    start = time.perf_counter()
    for frame in frames[-FRAMES:]:
        tracker.track(frame)
    total = time.perf_counter() - start
    for name, seconds in sorted(watch.seconds.items(), key=lambda item: -item[1]):
        print(f"{name:34s} {seconds / FRAMES:6.3f} s  {seconds / total:5.1%}")
    rest = total - sum(watch.seconds.values())
    print(f"{'rest':34s} {rest / FRAMES:6.3f} s  {rest / total:5.1%}")
    print(f"{'whole frame':34s} {total / FRAMES:6.3f} s")


def _watch_components(watch: Stopwatch, tracker: JointTracker) -> None:
    network = tracker.network
    watch.watch(tracker.encoder, "_backbone", "backbone")
    watch.watch(network.target_model, "extract_target_model_features", "projection A")
    watch.watch(network.transformer.feature_adjustor, "forward", "projection B")
    watch.watch(FrameEncoder, "decode", "decoder")
    watch.watch(FrameEncoder, "encode_masks", "update: label encoder")
    watch.watch(ObjectMemory, "read", "cross-attention")
    watch.watch(ObjectMemory, "encode", "update: keys of the memory")
    watch.watch(joint, "store", "update: self-attention sums")
    watch.watch(JointTracker, "_optimise", "update: filter")
    watch.watch(JointTracker, "_finish", "merging, boxes, labels")
    watch.watch(JointTracker, "_paste", "pasting scores")
    watch.watch(joint, "cut_window", "cutting crops")


if __name__ == "__main__":
    main()
