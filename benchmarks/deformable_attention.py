"""Time and memory of multi-scale deformable attention in its forms.

    python benchmarks/deformable_attention.py                  8 frames of 360x640, on the CPU
    python benchmarks/deformable_attention.py --device cuda    also the Triton kernel
    python benchmarks/deformable_attention.py --full           also 36 frames, in chunks of 8

One encoder layer reads 4 points of 4 levels with 8 heads for every pixel of the levels. ``stacked``
is the usual PyTorch form: the samples of all levels side by side, then one sum. ``ours`` sums rows
of a table on CPUs and adds level to level elsewhere; ``chunks`` is the same, eight frames at once.
The last line is ``ratio=``: time of ``stacked`` divided by that of our fastest form.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from fresh_process import run_in_fresh_process
from machine import describe_machine

from ltr.admin.process_memory import peak_mib, reset_peak, resident_mib
from ltr.models.layers.chunks import apply_in_chunks
from ltr.models.referring.deformable_sampling import MapSizes, Sampler, sample_points

SIZES = ((45, 80), (23, 40), (12, 20), (6, 10))
HEADS, CHANNELS, POINTS = 8, 32, 4
_TOLERANCE = 1e-5


def stacked(
    values: torch.Tensor, sizes: MapSizes, locations: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """The usual form; arguments and result as of ``sample_points``."""
    batch, _, heads, channels = values.shape
    levels = values.split([height * width for height, width in sizes], dim=1)
    grids = 2 * locations.transpose(1, 2).flatten(0, 1) - 1
    samples = []
    for level, (height, width) in enumerate(sizes):
        maps = levels[level].flatten(2).transpose(1, 2)
        maps = maps.reshape(batch * heads, channels, height, width)
        samples.append(F.grid_sample(maps, grids[:, :, level], align_corners=False))
    shares = weights.transpose(1, 2).reshape(batch * heads, 1, locations.shape[1], -1)
    total = (torch.stack(samples, dim=-2).flatten(-2) * shares).sum(-1)
    return total.view(batch, heads * channels, -1).transpose(1, 2).contiguous()


def in_chunks(
    values: torch.Tensor, sizes: MapSizes, locations: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Ours, eight frames at once."""
    return apply_in_chunks(
        lambda *part: sample_points(part[0], sizes, *part[1:]), values, locations, weights, size=8
    )


def forms(device: torch.device) -> dict[str, Sampler]:
    """The forms that can run on a device."""
    found: dict[str, Sampler] = {"stacked": stacked, "ours": sample_points, "chunks": in_chunks}
    if device.type == "cuda":
        sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
        from ltr.models.referring.deformable_kernel import sample_points as kernel

        found["kernel"] = kernel
    return found


def drawn_inputs(frames: int, device: torch.device) -> tuple[torch.Tensor, ...]:
    """Values, locations a few cells around every pixel, and weights."""
    generator = torch.Generator().manual_seed(0)
    tokens = sum(height * width for height, width in SIZES)
    shape = (frames, tokens, HEADS, len(SIZES), POINTS)
    values = torch.randn(frames, tokens, HEADS, CHANNELS, generator=generator)
    cells = [
        torch.cartesian_prod((torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w).flip(1)
        for h, w in SIZES
    ]
    offsets = torch.randn(*shape, 2, generator=generator)
    extents = torch.tensor([(width, height) for height, width in SIZES])[:, None]
    locations = torch.cat(cells)[:, None, None, None] + 2 * offsets / extents
    weights = torch.rand(shape, generator=generator).flatten(3).softmax(-1).view(shape)
    return tuple(value.to(device) for value in (values, locations, weights))


@torch.inference_mode()
def measure(
    form: str, frames: int, device: torch.device, threads: int, queue: multiprocessing.Queue
) -> None:
    """Time one form in this process; sends seconds, MiB above the inputs, and a part of the sum."""
    torch.set_num_threads(threads)
    values, locations, weights = drawn_inputs(frames, device)
    function = forms(device)[form]

    def run() -> torch.Tensor:
        return function(values, SIZES, locations, weights)

    output = run()
    sample = output.flatten()[::9973].cpu().numpy()
    del output
    base = _reset_memory(device)
    seconds = [_seconds(run, device) for _ in range(3)]
    peak = torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else peak_mib()
    queue.put((float(np.median(seconds)), peak - base, sample))


def _seconds(run: Callable[[], torch.Tensor], device: torch.device) -> float:
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _reset_memory(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated() / 2**20
    base = resident_mib()
    reset_peak()
    return base


def compare(frames: int, device: torch.device, threads: int) -> float:
    """Measure every form in a process of its own and print a line each.

    Returns:
        Time of the stacked form divided by that of our fastest.
    """
    seconds, samples = {}, {}
    for form in forms(device):
        seconds[form], memory, samples[form] = run_in_fresh_process(
            form, measure, frames, device, threads
        )
        error = float(np.abs(samples[form] - samples["stacked"]).max())
        print(
            f"{form:8s} {frames:2d} frames: {1000 * seconds[form]:8.1f} ms a layer, "
            f"{memory:6.0f} MiB above the inputs, largest difference {error:.1e}",
            flush=True,
        )
        if error > _TOLERANCE:
            raise RuntimeError(f"{form} differs from the stacked form by {error:.1e}")
    return seconds["stacked"] / min(value for form, value in seconds.items() if form != "stacked")


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="also 36 frames")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--frames", type=int, default=8)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.set_num_threads(arguments.threads)
    print(describe_machine(device))
    print(f"levels of 360x640, {POINTS} points")
    ratio = compare(arguments.frames, device, arguments.threads)
    if arguments.full:
        compare(36, device, arguments.threads)
    print(f"ratio={ratio:.2f}")


if __name__ == "__main__":
    main()
