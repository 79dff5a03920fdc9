"""What packed, fused convolutions save in the parts of JOINT, on a CPU.

    python benchmarks/joint_parts.py                 three objects in one crop of 480x832
    python benchmarks/joint_parts.py --threads 1

The same network (random weights) computes the same crop with its weights laid out for the processor
and without, in turns, so that other work on the machine hardly counts; times are those of the
processor. The last line is ``ratio=``: time without divided by time with.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from machine import describe_machine
from seeded_network import seeded_network

from ltr.admin.allocator import keep_memory
from ltr.data.image_format import CAFFE_BGR
from ltr.models.layers.fused import pack, unpack
from pytracking.tracker.base import Runtime
from pytracking.tracker.joint.features import FrameEncoder

SIZE = (480, 832)
TURNS = 3


@torch.inference_mode()
def run(encoder: FrameEncoder, objects: int) -> tuple[dict[str, float], torch.Tensor]:
    """Seconds of every part, and the scores."""
    generator = torch.Generator().manual_seed(0)
    crop = 255 * torch.rand(1, 3, *SIZE, generator=generator)
    encodings = torch.randn(objects, 16, SIZE[0] // 16, SIZE[1] // 16, generator=generator)
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        start = time.process_time()
        yield
        seconds[part] = time.process_time() - start

    images = CAFFE_BGR.normalise(crop).contiguous(memory_format=torch.channels_last)
    with timed("backbone"):
        layers = encoder.network.feature_extractor(images)
    with timed("projections"):
        encoder.network.target_model.extract_target_model_features(layers["layer3"])
        encoder.network.transformer.feature_adjustor(layers["layer3"])
    with timed("decoder"):
        scores = encoder.decode(encodings, layers, SIZE, [0] * objects)
    return seconds, scores


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(describe_machine())
    keep_memory()
    device = torch.device("cpu")
    encoder = FrameEncoder(seeded_network(device), CAFFE_BGR, Runtime(device))
    best: dict[str, dict[str, float]] = {}
    scores = {}
    changes: dict[str, Callable] = {"without": unpack, "with": pack}
    for _ in range(TURNS):
        for form, change in changes.items():
            change(encoder.network)
            run(encoder, arguments.objects)  # lays the weights out
            seconds, scores[form] = run(encoder, arguments.objects)
            known = best.setdefault(form, seconds)
            best[form] = {part: min(known[part], value) for part, value in seconds.items()}
    for part, before in best["without"].items():
        after = best["with"][part]
        print(f"{part:12s} {before:7.3f} s without, {after:7.3f} s with, {before / after:5.2f}")
    error = (scores["with"] - scores["without"]).abs().max() / scores["without"].abs().max()
    print(f"largest difference of the scores: {error:.1e} of the largest score")
    whole = {form: sum(parts.values()) for form, parts in best.items()}
    print(f"ratio={whole['without'] / whole['with']:.2f}")


if __name__ == "__main__":
    main()
