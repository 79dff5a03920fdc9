"""Memory of the process while it segments a long video: it must not grow with the length.

A synthetic clip is written as mp4, then read, segmented and saved as `run_video.py` does it, masks,
overlay and contact sheet included. Fails when the memory after the first tenth of the frames
leaves a band of 5 %.

    python benchmarks/video_memory.py
    python benchmarks/video_memory.py joint joint_ytvos --small --set image_sample_size=64,96
    python benchmarks/video_memory.py dense_ulearn ytvos_res4 --small --frames 10000
    python benchmarks/video_memory.py joint joint_ytvos --net FILE
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
import torch
from machine import describe_machine
from torch import nn

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.admin.cli import command
from ltr.admin.devices import resolve_device
from ltr.admin.errors import ConfigError
from ltr.admin.progress import FrameProgress, process_memory_mb
from ltr.models.dense_ulearn.dense_ulearn_net import dense_ulearn_resnet18
from ltr.models.joint.joint_net import steepest_descent_resnet18
from pytracking.evaluation.outputs.video import VideoResults
from pytracking.evaluation.running.video import save_frames
from pytracking.evaluation.stepper import VideoFrame, segment_video
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.tracker.base import Runtime
from pytracking.utils.demo_clip import SIZE, demo_clip
from pytracking.utils.video_reader import read_video
from pytracking.utils.video_writer import VideoWriter

SETTLED_SHARE = 0.1
LIMIT = 0.05
SAMPLE_EVERY = 10
DRAWN_FRAMES = 120
FPS = 25
SMALL_SIZE = (160, 96)
SMALL_NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "joint": partial(
        steepest_descent_resnet18,
        num_filters=4,
        out_feature_dim=16,
        label_encoder_dims=(4, 8, 8),
        decoder_mdim=8,
        transformer_dim=16,
        key_dim=8,
        backbone_width=8,
    ),
    "dense_ulearn": partial(dense_ulearn_resnet18, feature_dim=8, backbone_width=8),
}

Curve = list[tuple[int, float]]


def measure(
    spec: TrackerSpec, device: str, frames: int, size: tuple[int, int]
) -> tuple[Curve, float]:
    """Segment a drawn video.

    Args:
        spec: The tracker.
        device: Of its network.
        frames: Length of the video.
        size: Width and height of its frames.

    Returns:
        (frame, resident memory in MiB) of every tenth frame; and the memory in MiB that the
        decoded frames would need.
    """
    curve: Curve = []
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        labels = _write_clip(clip, frames, size)
        tracker = spec.create(Runtime(resolve_device(device)))
        with (
            read_video(clip) as video,
            FrameProgress(video.name, video.length) as progress,
            VideoResults(Path(folder), video) as results,
        ):
            sampled = _sampled(segment_video(tracker, video, labels), curve)
            save_frames(sampled, video, progress, results)
    return curve, frames * size[0] * size[1] * 3 / (1 << 20)


def _write_clip(clip: Path, frames: int, size: tuple[int, int]) -> np.ndarray:
    """Write the demo clip, repeated forwards and backwards; returns the label map of its start."""
    scene = list(demo_clip(min(frames, DRAWN_FRAMES)))
    images = [cv2.resize(moment.image, size, interpolation=cv2.INTER_AREA) for moment in scene]
    with VideoWriter(clip, FPS) as writer:
        for image in islice(cycle(images + images[::-1]), frames):
            writer.write(image)
    return cv2.resize(scene[0].labels, size, interpolation=cv2.INTER_NEAREST)


def _small_network(system: str, folder: Path) -> str:
    """Write a narrow network with random weights: memory does not depend on what it learnt."""
    if system not in SMALL_NETWORKS:
        raise ConfigError(f"--small: choose from {', '.join(SMALL_NETWORKS)}, not {system}")
    torch.manual_seed(0)
    path = folder / "small.pth.tar"
    save_checkpoint(path, network_fields(SMALL_NETWORKS[system]()))
    return str(path)


def _sampled(results: Iterable[VideoFrame], curve: Curve) -> Iterator[VideoFrame]:
    for frame in results:
        if frame.index % SAMPLE_EVERY == 0:
            curve.append((frame.index, process_memory_mb()))
        yield frame


def band(curve: Curve) -> float:
    """Spread of the settled memory, as a share of its first value."""
    settled = [memory for _, memory in curve[int(len(curve) * SETTLED_SHARE) :]]
    return (max(settled) - min(settled)) / settled[0]


def draw(curve: Curve, title: str, path: Path) -> None:
    """Write the curve as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    indices, memory = zip(*curve, strict=True)
    settled = memory[int(len(curve) * SETTLED_SHARE)]
    figure, axes = plt.subplots(figsize=(7, 3), dpi=110, layout="constrained")
    axes.axhspan(settled * (1 - LIMIT), settled * (1 + LIMIT), color="0.92", label="± 5 %")
    axes.plot(indices, memory, color="tab:blue")
    axes.set(xlabel="frame", ylabel="memory (MiB)", title=title, xlim=(0, indices[-1]))
    axes.set_ylim(0, max(memory) * 1.25)
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


@command
def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("system", nargs="?", default="baseline")
    parser.add_argument("name", nargs="?", default="optical_flow")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    network = parser.add_mutually_exclusive_group()
    network.add_argument("--net", help="network file")
    network.add_argument(
        "--small", action="store_true", help="160x96 frames, a narrow network with random weights"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--plot", type=Path, help="PNG file for the curve")
    arguments = parser.parse_args(argv)
    print(describe_machine(), flush=True)
    size = SMALL_SIZE if arguments.small else SIZE
    with tempfile.TemporaryDirectory() as folder:
        small = _small_network(arguments.system, Path(folder)) if arguments.small else None
        spec = TrackerSpec(
            arguments.system,
            arguments.name,
            overrides=tuple(arguments.overrides),
            net=small or arguments.net,
        )
        curve, decoded = measure(spec, arguments.device, arguments.frames, size)
    for index, memory in curve[:: max(1, len(curve) // 10)]:
        print(f"frame {index:5d}  {memory:7.1f} MiB")
    spread = band(curve)
    print(f"spread after the first tenth: {100 * spread:.1f} % (limit {100 * LIMIT:.0f} %)")
    if arguments.plot:
        title = f"{spec.system} {spec.name}, {arguments.frames} frames of {size[0]}x{size[1]}"
        draw(curve, title, arguments.plot)
    print("ratio is what the decoded frames alone would need, divided by the peak")
    print(f"ratio={decoded / max(memory for _, memory in curve):.1f}")
    return 0 if spread <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
