"""Milliseconds of 3x3 convolutions by every form, and which of them the networks take.

    python benchmarks/layer_forms.py                one thread, and as many as there are cores
    python benchmarks/layer_forms.py --threads 1

Maps of the networks' layers at full size, and small ones, where several threads gain nothing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from machine import describe_machine
from torch import nn

from ltr.admin.allocator import keep_memory
from ltr.models.layers.bands import BandKernels, convolve_by_bands, fits_bands
from ltr.models.layers.memory_format import to_channels_last
from ltr.models.layers.tiles import TileKernels, convolve_by_tiles
from ltr.models.layers.winograd import fits, pays_by_tiles

_WARM, _TIMED = 5, 11
_FEW = 96  # channels, up to which bands are tried
SHAPES = (  # maps, channels, outputs, height, width
    (1, 64, 64, 120, 208),
    (3, 64, 64, 120, 208),
    (3, 64, 64, 30, 52),
    (1, 128, 128, 60, 104),
    (1, 128, 128, 15, 26),
    (1, 256, 256, 30, 52),
    (1, 256, 256, 128, 216),
    (10, 256, 256, 18, 32),
    (3, 256, 256, 8, 13),
    (1, 512, 512, 60, 107),
    (1, 1024, 512, 30, 52),
)


def milliseconds(compute: Callable[[], torch.Tensor]) -> float:
    """Median of some calls."""
    for _ in range(_WARM):
        compute()
    seconds = []
    for _ in range(_TIMED):
        started = time.perf_counter()
        compute()
        seconds.append(time.perf_counter() - started)
    return 1e3 * float(np.median(seconds))


@torch.inference_mode()
def measure(count: int, inputs: int, outputs: int, height: int, width: int) -> str:
    """The row of one shape."""
    conv = nn.Conv2d(inputs, outputs, 3, padding=1)
    x = torch.randn(count, inputs, height, width).to(memory_format=torch.channels_last)
    to_channels_last(conv)
    tiles = TileKernels(conv.weight, conv.bias, x.shape)
    times = {
        "PyTorch": milliseconds(lambda: conv(x)),
        "tiles": milliseconds(lambda: convolve_by_tiles(x, tiles)),
    }
    if min(inputs, outputs) <= _FEW:
        bands = BandKernels(conv.weight, conv.bias, x.shape, False)
        times["bands"] = milliseconds(lambda: convolve_by_bands(x, bands))
    taken = "bands" if fits_bands(conv, x) else "PyTorch"
    if taken == "PyTorch" and fits(conv) and pays_by_tiles(conv, x):
        taken = "tiles"
    row = [f"{times[name]:.2f}" if name in times else "-" for name in ("PyTorch", "tiles", "bands")]
    name = f"{count} maps, {inputs} to {outputs} channels, {height}x{width}"
    ratio = times["PyTorch"] / times[taken]
    return f"| {name} | {torch.get_num_threads()} | {' | '.join(row)} | {taken} | {ratio:.1f} |"


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, torch.get_num_threads()])
    arguments = parser.parse_args()
    keep_memory()
    print(f"{describe_machine()}\n")
    print("| maps | threads | PyTorch, ms | tiles, ms | bands, ms | taken | ratio |")
    print("|---|---|---|---|---|---|---|")
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        for shape in SHAPES:
            print(measure(*shape), flush=True)


if __name__ == "__main__":
    main()
