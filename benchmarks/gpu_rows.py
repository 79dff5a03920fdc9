"""What ``gpu.py`` measures: each row in a function of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from runpy import run_path
from typing import Any

import deformable_attention
import interactive_rounds
import joint_training
import numpy as np
import propose_reduce
import referring
import torch
from fresh_process import run_in_fresh_process
from plain_joint import PlainJointTracker
from seeded_network import seeded_network
from synthetic_clip import draw_clip

from ltr.admin.process_memory import resident_mib
from ltr.models.dense_ulearn.dense_ulearn_net import dense_ulearn_resnet18
from ltr.models.joint.joint_net import JOINTNet, steepest_descent_resnet18
from ltr.models.referring.deformable_attention import use_kernel
from ltr.models.referring.referformer import referformer
from pytracking.tracker.base import FrameInfo, OnlineTracker, Precision, Runtime
from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters
from pytracking.tracker.interactive.atnet import AtnetHost
from pytracking.tracker.joint.joint import JointTracker
from pytracking.tracker.joint.parameters import JointParameters
from pytracking.tracker.whole_video import TextPrompt

Result = dict[str, Any]
_ROOT = Path(__file__).resolve().parents[1]
_SHARED = Path(os.environ.get("VOS_SHARED_DIR", _ROOT.parent / "shared"))
_COMPARED = 5  # frames that are also computed on the CPU
_FULL_AFTER = 65  # frames; from then on memory must not grow
_REPEATS = 5


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
            return cls((240, 427), 2, 4, 120, True)
        return cls((480, 854), _FULL_AFTER, 60, 2000, False)


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Args:
        system: What is measured; ``reference`` is JOINT as published.
        objects: Their number; sentences for ``referring``; 0 where it has none.
        mode: How to compute, or which part of the conformance.
        is_long: Whether memory over a long clip is measured.
    """

    system: str
    objects: int
    mode: str
    is_long: bool = False

    @property
    def name(self) -> str:
        """As in the table."""
        words = [self.system, *([str(self.objects)] if self.objects else []), self.mode]
        return " ".join([*words, *(["long"] if self.is_long else [])])

    @property
    def is_timed(self) -> bool:
        """Whether other work on the machine would change the row."""
        return self.system != "conformance"

    def limit_s(self, device: torch.device) -> float:
        """Seconds after which the row is given up; a rehearsal may run on a busy machine."""
        is_slow = self.mode in _COMPILED or self.is_long or not self.is_timed
        limit = 120.0 if is_slow else 60.0
        return limit if device.type == "cuda" else 4 * limit

    def lacks(self, device: torch.device) -> str | None:
        """Why the row cannot be measured on a device."""
        is_gpu = device.type == "cuda"
        return None if is_gpu or self.mode not in _NEED_GPU else f"{_NEED_GPU[self.mode]} a GPU"

    def measure(self, scale: Scale, device: torch.device, exact: Path) -> Result:
        """The cells of the row; see ``Bench`` for ``exact``."""
        is_rounded = self.mode == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = is_rounded
        if self.mode == "graphs":
            import torch._inductor.config as inductor

            inductor.triton.cudagraphs = True
        if self.system in _TRACKERS:
            return measure_tracker(self, scale, device, exact)
        return _MEASURES[self.system](self, scale, device)

    def runtime(self, device: torch.device) -> Runtime:
        """Device and precision of the mode."""
        precision: Precision = "bf16" if self.mode == "bf16" else "fp32"
        return Runtime(device, precision, self.mode in _COMPILED)


_COMPILED = ("compile", "graphs")
_NEED_GPU = {"graphs": "CUDA graphs need", "triton": "the Triton kernel needs"}
_TRACKERS = ("joint", "reference", "dense_ulearn")
_COUNTS = (1, 3, 5, 10)
_PARTS = run_path(str(_ROOT / "tests" / "conformance" / "__init__.py"))["PARTS"]
_OTHERS = (("dense_ulearn", 2), ("referring", 2), ("propose_reduce", 2), ("atnet", 3))
# What says most comes first: eight minutes may not suffice for all.
ROWS = (
    *(Row("joint", count, "fp32") for count in _COUNTS),
    *(Row("joint", count, "bf16") for count in _COUNTS),
    Row("reference", 1, "fp32"),
    *(Row("conformance", 0, part) for part in _PARTS),
    *(Row(system, count, mode) for mode in ("fp32", "bf16") for system, count in _OTHERS),
    *(Row("training", 0, mode) for mode in ("fp32", "bf16")),
    Row("kernel", 0, "triton"),
    Row("referring", 2, "triton"),
    Row("joint", 1, "fp32", is_long=True),
    Row("joint", 3, "graphs"),
    Row("joint", 3, "compile"),
    *(Row("joint", count, "tf32") for count in _COUNTS),
    Row("dense_ulearn", 2, "fp32", is_long=True),
    *(Row(system, count, "tf32") for system, count in _OTHERS),
    *(Row("joint", count, mode) for count in (1, 10, 5) for mode in ("graphs", "compile")),
    Row("dense_ulearn", 2, "compile"),
    Row("reference", 3, "fp32"),
)


def make_tracker(row: Row, scale: Scale, device: torch.device) -> OnlineTracker:
    """A tracker with drawn weights in the row's mode."""
    runtime = row.runtime(device)
    if row.system != "dense_ulearn":
        network = small_joint(device) if scale.is_small else seeded_network(device)
        params = JointParameters(net="")
        if scale.is_small:
            params = replace(params, image_sample_size=(64, 96), min_mask_area=10.0)
        if row.system == "reference":
            return PlainJointTracker(params, network, device)
        return JointTracker(params, network, runtime)
    torch.manual_seed(0)
    sizes = {"feature_dim": 8, "backbone_width": 8} if scale.is_small else {}
    features = dense_ulearn_resnet18(**sizes).eval().requires_grad_(False).to(device)
    return DenseULearnTracker(DenseULearnParameters(net=""), features, runtime)


def small_joint(device: torch.device) -> JOINTNet:
    """A thin network, for the rehearsal."""
    torch.manual_seed(0)
    build = partial(steepest_descent_resnet18, backbone_width=8, out_feature_dim=16, key_dim=8)
    network = build(transformer_dim=16, label_encoder_dims=(4, 8, 8), num_filters=4, decoder_mdim=8)
    return network.eval().requires_grad_(False).to(device)


def measure_tracker(row: Row, scale: Scale, device: torch.device, exact: Path) -> Result:
    """Speed and equality, or memory over a long clip."""
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
    memory = _peak_mib(device)
    wanted = _exact_masks(row, scale, frames[:_COMPARED], info, exact)
    equal = float(
        np.mean([(own == other).mean() for own, other in zip(wanted, found, strict=False)])
    )
    return {"object_frames_per_s": rate, "memory_mib": memory, "equal": equal}


def _exact_masks(
    row: Row, scale: Scale, frames: Sequence[np.ndarray], info: FrameInfo, exact: Path
) -> np.ndarray:
    """Masks of fp32 on the CPU after the first frame, computed once for all modes."""
    system = "dense_ulearn" if row.system == "dense_ulearn" else "joint"
    file = exact / f"{system}_{row.objects}.npy"
    if not file.exists():
        tracker = make_tracker(Row(system, row.objects, "fp32"), scale, torch.device("cpu"))
        tracker.initialize(frames[0], info)
        np.save(file, np.stack([tracker.track(frame).segmentation for frame in frames[1:]]))
    masks: np.ndarray = np.load(file)
    return masks


def _measure_growth(
    tracker: OnlineTracker, frames: Sequence[np.ndarray], count: int, device: torch.device
) -> Result:
    """Memory once the tracker's is full, and how much more at the end of a long clip, MiB."""
    settled = 0.0
    for index in range(1, count):
        tracker.track(frames[index % len(frames)])
        if index == _FULL_AFTER:
            settled = _memory_mib(device)
    return {"memory_mib": settled, "growth_mib": _memory_mib(device) - settled, "frames": count}


@torch.inference_mode()
def measure_referring(row: Row, scale: Scale, device: torch.device) -> Result:
    """A window of frames with sentences."""
    if scale.is_small:
        text = {"hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 32}
        text["num_attention_heads"] = 2
        build = partial(referformer, hidden_dim=32, feedforward_dim=64, mask_dim=32)
        network = build(backbone="resnet18", backbone_width=8, text_config=text)
        network = network.eval().requires_grad_(False).to(device)
    else:
        network = referring.drawn_network(device)
    if row.mode == "triton":
        use_kernel(network, "triton")
    frames = 2 if scale.is_small else 12
    clips, sentences = referring.drawn_window(frames, device)

    def run() -> None:
        with row.runtime(device).autocast():
            referring.segment(network, clips, sentences, referring.ORIGINAL)

    seconds = _seconds(run, device, 1)
    rate = row.objects * frames / seconds
    return {"object_frames_per_s": rate, "memory_mib": _peak_mib(device)}


def measure_propose_reduce(row: Row, scale: Scale, device: torch.device) -> Result:
    """A clip, as sequences of two objects for each of five key frames."""
    setting = propose_reduce.THIN if scale.is_small else propose_reduce.SMALL
    setting = replace(setting, frames=4 if scale.is_small else 36)
    segmenter, clip = setting.segmenter(row.runtime(device)), setting.clip()
    seconds = _seconds(lambda: segmenter.segment(clip, TextPrompt()), device, 1)
    return {"frames_per_s": setting.frames / seconds, "memory_mib": _peak_mib(device)}


def measure_atnet(row: Row, scale: Scale, device: torch.device) -> Result:
    """Two rounds over a clip."""
    frames, labels = draw_clip(2 if scale.is_small else 12, row.objects, scale.size)
    width = 8 if scale.is_small else 64
    setting = interactive_rounds.Setting(row.runtime(device), row.objects, 2, width)
    interactive_rounds.play(AtnetHost, frames[:2], labels, setting)
    started = time.perf_counter()
    interactive_rounds.play(AtnetHost, frames, labels, setting)
    rate = 2 * row.objects * len(frames) / (time.perf_counter() - started)
    return {"object_frames_per_s": rate, "memory_mib": _peak_mib(device)}


def measure_training(row: Row, scale: Scale, device: torch.device) -> Result:
    """A step of JOINT's second stage."""
    precision: Precision = "bf16" if row.mode == "bf16" else "fp32"
    size, sequences = ((96, 64), 1) if scale.is_small else ((832, 480), 4)
    threads = torch.get_num_threads()
    setting = joint_training.Setting(device.type, sequences, size, precision, threads)
    found = run_in_fresh_process("ours", joint_training.measure, setting)
    return {
        "step_ms": 1e3 * float(np.median(found.seconds[1:])),
        "memory_mib": found.peak_mib,
    }


def measure_kernel(row: Row, scale: Scale, device: torch.device) -> Result:
    """Deformable attention by the kernel against the pure form."""
    forms = deformable_attention.forms(device)
    inputs = deformable_attention.drawn_inputs(1 if scale.is_small else 8, device)
    sizes, found, seconds = deformable_attention.SIZES, {}, {}
    for name in ("ours", "kernel"):
        sample = forms[name]  # without a GPU there is no kernel
        found[name] = sample(inputs[0], sizes, *inputs[1:])
        run = partial(sample, inputs[0], sizes, *inputs[1:])
        seconds[name] = _seconds(run, device, _REPEATS)
    difference = float((found["ours"] - found["kernel"]).abs().max())
    return {
        "times_as_fast": seconds["ours"] / seconds["kernel"],
        "largest_difference": difference,
        "memory_mib": _peak_mib(device),
    }


def measure_conformance(row: Row, scale: Scale, device: torch.device) -> Result:
    """How many reference values the device gives."""
    folder = _SHARED / "golden" / row.mode
    words = [sys.executable, "-m", "tests.conformance", row.mode, str(folder)]
    done = subprocess.run(
        [*words, "--device", str(device)], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    last = (done.stdout.strip().splitlines() or [""])[-1]
    counts = re.fullmatch(r"(\d+) passed, (\d+) failed", last)
    if counts is None:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no result"])[-1])
    passed, failed = map(int, counts.groups())
    if failed:
        raise RuntimeError(last)
    return {"passed": passed, "memory_mib": 0.0}


def _seconds(run: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Of one call, after a first one that is not timed."""
    run()
    _wait(device)
    started = time.perf_counter()
    for _ in range(repeats):
        run()
    _wait(device)
    return (time.perf_counter() - started) / repeats


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _memory_mib(device: torch.device) -> float:
    return torch.cuda.memory_allocated() / 2**20 if device.type == "cuda" else resident_mib()


def _peak_mib(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else resident_mib()


_MEASURES: dict[str, Callable[[Row, Scale, torch.device], Result]] = {
    "referring": measure_referring,
    "propose_reduce": measure_propose_reduce,
    "atnet": measure_atnet,
    "training": measure_training,
    "kernel": measure_kernel,
    "conformance": measure_conformance,
}
