"""Time and memory of a training step of JOINT stage 2 against its reference implementation.

    python benchmarks/joint_training.py                  1 sequence, crops of 416x240, on the CPU
    python benchmarks/joint_training.py --full           also 2 sequences, and crops of 832x480
    python benchmarks/joint_training.py --device cuda    4 sequences, crops of 832x480, also bf16

Both forms get the same network (random weights) and batch, each in a process of its own, and must
come to the same losses. The reference implementation lays its weights out as PyTorch does, steps as
PyTorch's optimiser does by default, and leaves the C library as it is. On a CPU the time is that of
the processor, on a GPU that of the clock.
The last line is ``ratio=``: time of a step of the reference implementation divided by ours, for the
smallest setting in float32.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from dataclasses import dataclass

import numpy as np
import torch
from fresh_process import run_in_fresh_process
from machine import describe_machine
from plain_joint_training import PlainJointNet
from seeded_network import seeded_network

from ltr.actors.segmentation import SegActor
from ltr.admin.allocator import VARIABLE
from ltr.admin.distributed import launch_fabric
from ltr.admin.process_memory import peak_mib, reset_peak, resident_mib
from ltr.admin.settings import Precision
from ltr.models.layers.memory_format import to_channels_last
from ltr.train_settings.joint.joint_stage2 import RECIPE
from ltr.trainers.optimizer import make_optimizer
from ltr.trainers.step import TrainStep

STEPS = 5
MAX_DIFFERENCE = 1e-4


@dataclass(frozen=True)
class Setting:
    """What is measured: one row of the table."""

    device: str
    sequences: int
    size: tuple[int, int]
    precision: Precision = "fp32"
    threads: int = 2


@dataclass
class Result:
    """Measurements of one form."""

    seconds: list[float]
    peak_mib: float
    losses: list[float]


def make_batch(setting: Setting) -> dict[str, torch.Tensor]:
    """Smooth images and elliptic masks that move."""
    generator = torch.Generator().manual_seed(0)
    width, height = setting.size
    frames, sequences = 1 + RECIPE.num_test_frames, setting.sequences
    coarse = torch.rand(frames * sequences, 3, 6, 10, generator=generator) * 255 - 115
    images = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    images = images.unflatten(0, (frames, sequences))
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij"
    )
    ellipses = [(((x - 0.1 * t) / 0.4) ** 2 + (y / 0.5) ** 2 < 1).float() for t in range(frames)]
    masks = torch.stack(ellipses)[:, None].expand(-1, sequences, -1, -1)
    return {
        "train_images": images[:1],
        "test_images": images[1:],
        "train_masks": masks[:1].contiguous(),
        "test_masks": masks[1:].contiguous(),
    }


def measure(form: str, setting: Setting, queue: multiprocessing.Queue) -> None:
    """Take steps in this process; sends a ``Result``."""
    torch.set_num_threads(setting.threads)
    if form == "plain":
        os.environ[VARIABLE] = "0"
    fabric = launch_fabric(setting.device, setting.precision)
    network = seeded_network(torch.device("cpu")).requires_grad_(True)
    for layer in RECIPE.frozen_backbone_layers:
        getattr(network.feature_extractor, layer).requires_grad_(False)
    if form == "ours":
        to_channels_last(network)
    optimizer = make_optimizer(network, RECIPE.learning_rates, fused=form == "ours")
    actor = SegActor(PlainJointNet(network) if form == "plain" else network)
    batch = fabric.to_device(make_batch(setting))
    actor.network, wrapped = fabric.setup(actor.network, optimizer)
    actor.train()
    train_step = TrainStep(fabric, actor, wrapped)
    sizes = np.array([[setting.sequences]])
    is_cuda = fabric.device.type == "cuda"
    result = Result([], 0.0, [])
    base = torch.cuda.memory_allocated() / 2**20 if is_cuda else resident_mib()
    torch.cuda.reset_peak_memory_stats() if is_cuda else reset_peak()
    clock = time.perf_counter if is_cuda else time.process_time
    for _ in range(1 + STEPS):
        started = clock()
        outcome = train_step.train([batch], sizes, stop_requested=False)
        result.seconds.append(clock() - started)
        result.losses.append(outcome.stats["Loss/total"])
    peak = torch.cuda.max_memory_allocated() / 2**20 if is_cuda else peak_mib()
    result.peak_mib = peak - base
    queue.put(result)


def compare(setting: Setting) -> float:
    """Measure both forms, print a line each, and return the reference's time divided by ours."""
    results = {form: run_in_fresh_process(form, measure, setting) for form in ("plain", "ours")}
    medians = {}
    width, height = setting.size
    for form, result in results.items():
        times = sorted(result.seconds[1:])
        medians[form] = times[len(times) // 2]
        print(
            f"{form:5s}  {setting.sequences} x {width}x{height} {setting.precision}: "
            f"{medians[form]:.3f} s a step ({times[0]:.3f} to {times[-1]:.3f}), "
            f"{result.peak_mib:.0f} MiB above network and batch",
            flush=True,
        )
    difference = abs(results["plain"].losses[0] / results["ours"].losses[0] - 1)
    print(f"       relative difference of the losses: {difference:.1e}", flush=True)
    if setting.precision == "fp32" and difference > MAX_DIFFERENCE:
        raise SystemExit("the two forms differ")
    return medians["plain"] / medians["ours"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="more settings")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments = parser.parse_args()
    print(describe_machine(), flush=True)
    if arguments.device == "cpu":
        settings = [Setting("cpu", 1, (416, 240))]
        more = [Setting("cpu", 2, (416, 240)), Setting("cpu", 1, (832, 480))]
        more.append(Setting("cpu", 1, (832, 480), "bf16"))
    else:
        settings = [Setting(arguments.device, 4, (832, 480))]
        settings.append(Setting(arguments.device, 4, (832, 480), "bf16"))
        more = [Setting(arguments.device, 20, (832, 480), "bf16")]
    ratios = [compare(setting) for setting in settings + (more if arguments.full else [])]
    print(f"ratio={ratios[0]:.2f}")


if __name__ == "__main__":
    main()
