"""Speed and memory of ReferFormer against its reference implementation.

    python benchmarks/referring.py                  a window of 12 frames of 360x640, ResNet-50
    python benchmarks/referring.py --full           also 36 frames, the window of the published runs
    python benchmarks/referring.py --device cuda

Both forms get the same network (random weights, the text encoder of full size), clip and two
sentences (Ref-YouTube-VOS has about four a video), each in a process of its own, and give the masks
of one slot a sentence at 720x1280. The last line is ``ratio=``: time of the reference
implementation divided by ours.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from fresh_process import run_in_fresh_process
from machine import describe_machine
from plain_referring import make_plain
from plain_referring import segment as segment_plainly

from ltr.admin.process_memory import peak_mib, reset_peak, resident_mib
from ltr.data.referring.batches import ClipBatch, SentenceBatch
from ltr.models.layers.side_by_side import map_in_rounds
from ltr.models.referring.fused import prepare_for_cpu
from ltr.models.referring.referformer import ReferFormer, referformer
from pytracking.tracker.base import Runtime
from pytracking.tracker.referring.rules import full_probabilities

INPUT, ORIGINAL = (360, 640), (720, 1280)
_MIN_EQUAL = 0.9999  # share of the pixels in which the two forms must agree


@dataclass
class Result:
    """Measurements of one form.

    Args:
        wall: Seconds for the window.
        seconds: The same of this process's processors, which do not count waiting; on a GPU the
            wall clock's.
        peak_mib: Memory above the network.
        masks: bool (sentences, frames, H, W), packed.
    """

    wall: float
    seconds: float
    peak_mib: float
    masks: np.ndarray


def drawn_network(device: torch.device) -> ReferFormer:
    """The released network's form with initial weights, in eval mode."""
    torch.manual_seed(0)
    network = referformer()
    bias = network.get_parameter(f"controller.layers.{len(network.controller.layers) - 1}.bias")
    torch.nn.init.normal_(bias, std=0.1)
    return network.eval().requires_grad_(False).to(device)


def drawn_window(frames: int, device: torch.device) -> tuple[ClipBatch, list[SentenceBatch]]:
    """Smooth noise, and two sentences of six word pieces."""
    coarse = torch.randn(frames, 3, 12, 20, generator=torch.Generator().manual_seed(1))
    clip = torch.nn.functional.interpolate(coarse, INPUT, mode="bicubic")[None].to(device)
    rows = torch.tensor([[0, 5, 17, 33, 91, 2], [0, 8, 60, 9, 71, 2]], device=device)
    sentences = [SentenceBatch(ids[None], torch.ones_like(ids[None])) for ids in rows]
    return ClipBatch(clip, (INPUT,)), sentences


def segment(
    network: ReferFormer,
    clips: ClipBatch,
    sentences: Sequence[SentenceBatch],
    size: tuple[int, int],
) -> list[torch.Tensor]:
    """Masks of each sentence's object, bool (frames, H, W): the slot first, then its masks."""
    seen = network.extract_features(clips)

    def find(sentence: SentenceBatch) -> torch.Tensor:
        found = network(seen, sentence, best_only=True)
        return torch.cat([full_probabilities(mask, size) > 0.5 for mask in found.masks[0]])

    return map_in_rounds(find, sentences, network.is_prepared)


@torch.inference_mode()
def measure(
    form: str, frames: int, device: torch.device, threads: int, queue: multiprocessing.Queue
) -> None:
    """Time one form in this process; sends a ``Result``."""
    torch.set_num_threads(threads)
    network = drawn_network(device)
    run = segment
    if form == "plain":
        make_plain(network)
        run = segment_plainly
    elif Runtime(device).packs:
        prepare_for_cpu(network)
    run(network, *drawn_window(1, device), ORIGINAL)
    window = drawn_window(frames, device)
    is_gpu = device.type == "cuda"
    base = torch.cuda.memory_allocated() / 2**20 if is_gpu else resident_mib()
    if is_gpu:
        torch.cuda.reset_peak_memory_stats()
    else:
        reset_peak()
    start, used = time.perf_counter(), time.process_time()
    masks = run(network, *window, ORIGINAL)
    packed = np.packbits(torch.stack(masks).cpu().numpy())
    wall = time.perf_counter() - start
    seconds = wall if is_gpu else time.process_time() - used
    peak = torch.cuda.max_memory_allocated() / 2**20 if is_gpu else peak_mib()
    queue.put(Result(wall, seconds, peak - base, packed))


def compare(frames: int, device: torch.device, threads: int) -> float:
    """Measure both forms and print a line each and how far they agree.

    Returns:
        Time of the reference implementation divided by ours.
    """
    results: dict[str, Result] = {}
    for form in ("plain", "ours"):
        results[form] = run_in_fresh_process(form, measure, frames, device, threads)
        found = results[form]
        print(
            f"{form:5s}  {frames:2d} frames: {found.wall:7.1f} s, {found.seconds:7.1f} s of CPU, "
            f"{found.peak_mib:6.0f} MiB above the network",
            flush=True,
        )
    plain, ours = results["plain"], results["ours"]
    equal = np.unpackbits(~(plain.masks ^ ours.masks)).mean()
    ratio = plain.seconds / ours.seconds
    print(f"       {equal:.4%} equal pixels, speed ratio {ratio:.2f}", flush=True)
    if equal < _MIN_EQUAL:
        raise RuntimeError("the two forms give different masks")
    return ratio


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="also a window of 36 frames")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--frames", type=int, default=12)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    size = "x".join(map(str, INPUT))
    torch.set_num_threads(arguments.threads)
    print(describe_machine(device))
    print(f"ResNet-50, {size}, two sentences, fp32")
    ratio = compare(arguments.frames, device, arguments.threads)
    if arguments.full:
        compare(36, device, arguments.threads)
    print(f"ratio={ratio:.2f}")


if __name__ == "__main__":
    main()
