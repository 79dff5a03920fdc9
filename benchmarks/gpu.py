"""What a GPU gives: one table and one JSON file in at most eight minutes.

    python benchmarks/gpu.py                          on the GPU
    python benchmarks/gpu.py --device cpu --small     the rehearsal: small networks and frames
    python benchmarks/gpu.py --only "joint 3"         rows whose name contains this

Every row is measured in a process of its own with a time limit, so that a row that fails, hangs or
breaks the device never stops the rest; the exit code is then 1. ``object-frames per second`` counts
every object of every frame; the first frames, which compile and choose algorithms, are not timed.
``equal`` is the share of pixels that equal those of fp32 on the CPU (of the first frames).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from seeded_network import seeded_network
from synthetic_clip import draw_clip

from ltr.admin.process_memory import resident_mib
from ltr.models.dense_ulearn.dense_ulearn_net import dense_ulearn_resnet18
from ltr.models.joint.joint_net import JOINTNet, steepest_descent_resnet18
from pytracking.tracker.base import FrameInfo, OnlineTracker, Precision, Runtime
from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters
from pytracking.tracker.joint.joint import JointTracker
from pytracking.tracker.joint.parameters import JointParameters

Mode = Literal["fp32", "tf32", "bf16", "compile"]
_TOTAL_S, _ROW_S = 480.0, 120.0
_COMPARED = 5  # frames that are also computed on the CPU
_GROWTH_FROM = 0.1  # share of the frames after which memory must not grow


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Args:
        system: ``joint`` or ``dense_ulearn``.
        objects: Their number.
        mode: How to compute.
        is_long: Whether memory over a long clip is measured.
    """

    system: str
    objects: int
    mode: Mode
    is_long: bool = False

    @property
    def name(self) -> str:
        """As in the table."""
        return f"{self.system} {self.objects} {self.mode}{' long' if self.is_long else ''}"


ROWS = (
    *(Row("joint", count, "fp32") for count in (1, 3, 5, 10)),
    *(Row("joint", count, mode) for mode in ("tf32", "bf16", "compile") for count in (1, 5)),
    *(Row("dense_ulearn", 2, mode) for mode in ("fp32", "tf32", "bf16")),
    Row("joint", 1, "fp32", is_long=True),
    Row("dense_ulearn", 2, "fp32", is_long=True),
)


@dataclass(frozen=True)
class Scale:
    """Size of the work: of frames, of networks, and numbers of frames."""

    size: tuple[int, int]
    warm: int
    timed: int
    long: int
    is_small: bool

    @classmethod
    def of(cls, is_small: bool) -> Scale:
        """The rehearsal's, or the real one."""
        if is_small:
            return cls((240, 427), 2, 4, 40, True)
        return cls((480, 854), 65, 60, 2000, False)


def make_tracker(row: Row, scale: Scale, device: torch.device) -> OnlineTracker:
    """A tracker with drawn weights in the row's mode."""
    precision: Precision = "bf16" if row.mode == "bf16" else "fp32"
    runtime = Runtime(device, precision, row.mode == "compile")
    if row.system == "joint":
        network = small_joint(device) if scale.is_small else seeded_network(device)
        params = JointParameters(net="")
        if scale.is_small:
            params = replace(params, image_sample_size=(64, 96), min_mask_area=10.0)
        tracker: OnlineTracker = JointTracker(params, network, runtime)
    else:
        torch.manual_seed(0)
        sizes = {"feature_dim": 8, "backbone_width": 8} if scale.is_small else {}
        features = dense_ulearn_resnet18(**sizes).eval().requires_grad_(False).to(device)
        tracker = DenseULearnTracker(DenseULearnParameters(net=""), features, runtime)
    is_rounded = row.mode == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = is_rounded
    return tracker


def small_joint(device: torch.device) -> JOINTNet:
    """A thin network, for the rehearsal."""
    torch.manual_seed(0)
    build = partial(steepest_descent_resnet18, backbone_width=8, out_feature_dim=16, key_dim=8)
    network = build(transformer_dim=16, label_encoder_dims=(4, 8, 8), num_filters=4, decoder_mdim=8)
    return network.eval().requires_grad_(False).to(device)


def measure(row: Row, scale: Scale, device: torch.device) -> dict[str, Any]:
    """One row: speed and equality, or memory over a long clip."""
    count = scale.long if row.is_long else scale.warm + scale.timed
    frames, labels = draw_clip(min(count, scale.warm + scale.timed), row.objects, scale.size)
    info = FrameInfo(tuple(range(1, row.objects + 1)), labels)
    tracker = make_tracker(row, scale, device)
    tracker.initialize(frames[0], info)
    if row.is_long:
        return _measure_growth(tracker, frames, count, device)
    found = [tracker.track(frame).segmentation for frame in frames[1 : scale.warm]]
    started = time.perf_counter()
    found += [tracker.track(frame).segmentation for frame in frames[scale.warm :]]
    seconds = time.perf_counter() - started
    rate = row.objects * (len(frames) - scale.warm) / seconds
    peak = torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else resident_mib()
    exact = make_tracker(Row(row.system, row.objects, "fp32"), scale, torch.device("cpu"))
    exact.initialize(frames[0], info)
    pairs = [(exact.track(f).segmentation, found[i]) for i, f in enumerate(frames[1:_COMPARED])]
    equal = float(np.mean([(own == other).mean() for own, other in pairs]))
    return {"object_frames_per_s": rate, "memory_mib": peak, "equal": equal}


def _measure_growth(
    tracker: OnlineTracker, frames: Sequence[np.ndarray], count: int, device: torch.device
) -> dict[str, Any]:
    """Memory after a tenth of a long clip, and how much more at its end, MiB."""
    settled = 0.0
    for index in range(1, count):
        tracker.track(frames[index % len(frames)])
        if index == max(1, int(_GROWTH_FROM * count)):
            settled = _memory_mib(device)
    return {"memory_mib": settled, "growth_mib": _memory_mib(device) - settled, "frames": count}


def _memory_mib(device: torch.device) -> float:
    return torch.cuda.memory_allocated() / 2**20 if device.type == "cuda" else resident_mib()


def run_row(row: Row, arguments: argparse.Namespace, limit_s: float) -> dict[str, Any]:
    """Measure a row in another process; a failure becomes its ``error``."""
    words = [sys.executable, __file__, "--row", row.name, "--device", arguments.device]
    words += ["--small"] if arguments.small else []
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"took more than {limit_s:.0f} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"error": lines[-1] if lines else f"ended with {done.returncode}"}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def format_row(name: str, result: dict[str, Any]) -> str:
    """One line of the table, in Markdown."""
    if "error" in result:
        return f"| {name} | failed: {result['error']} | | | |"
    rate, equal = result.get("object_frames_per_s"), result.get("equal")
    growth = result.get("growth_mib")
    cells = (
        "" if rate is None else f"{rate:.1f}",
        f"{result['memory_mib']:.0f}",
        "" if growth is None else f"{growth:+.1f} in {result['frames']} frames",
        "" if equal is None else f"{equal:.4%}",
    )
    return f"| {name} | {' | '.join(cells)} |"


def describe_device(device: str) -> str:
    """Name of the GPU, or what else computes."""
    return torch.cuda.get_device_name() if device.startswith("cuda") else f"CPU, {device}"


def main() -> int:
    """Measure all rows; 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="small networks, frames and clips")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--output", type=Path, default=Path("gpu.json"))
    parser.add_argument("--row", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    rows = [row for row in ROWS if arguments.only in row.name]
    scale = Scale.of(arguments.small)
    if arguments.row:
        row = next(row for row in ROWS if row.name == arguments.row)
        print(json.dumps(measure(row, scale, torch.device(arguments.device))))
        return 0
    ends, results = time.monotonic() + _TOTAL_S, {}
    print(f"{describe_device(arguments.device)}, {scale.size[0]}x{scale.size[1]}\n")
    print("| row | object-frames per s | memory, MiB | growth, MiB | equal pixels |")
    print("|---|---|---|---|---|")
    for row in rows:
        left_s = ends - time.monotonic()
        late = {"error": "no time was left"}
        result = run_row(row, arguments, min(_ROW_S, left_s)) if left_s > 0 else late
        results[row.name] = result
        print(format_row(row.name, result), flush=True)
        written = {"device": describe_device(arguments.device), "rows": results}
        arguments.output.write_text(json.dumps(written, indent=1))
    return int(any("error" in result for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
