"""Memory of the process while it segments a long video: it must not grow with the length.

A drawn clip is written as mp4, then read, segmented and saved as `run_video.py` does it, masks,
overlay and contact sheet included. Fails when the memory after frame 100 leaves a band of 5 %.

    python benchmarks/video_memory.py
    python benchmarks/video_memory.py joint joint_ytvos --set image_sample_size=96,160 --net FILE
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ltr.admin.cli import command
from ltr.admin.progress import process_memory_mb
from ltr.data.image_io import read_label_map
from pytracking.demo import write_clip
from pytracking.evaluation.arguments import resolve_device
from pytracking.evaluation.session import VideoFrame, segment_video
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.evaluation.video import VideoTask, save_frames
from pytracking.tracker.base import Runtime
from pytracking.utils.video_reader import read_video

SETTLED_FRAME = 100
LIMIT = 0.05
SAMPLE_EVERY = 10

Curve = list[tuple[int, float]]


def measure(spec: TrackerSpec, device: str, frames: int) -> tuple[Curve, float]:
    """Segment a drawn video.

    Returns:
        (frame, resident memory in MiB) of every tenth frame; and the memory in MiB that the
        decoded frames would need.
    """
    curve: Curve = []
    with tempfile.TemporaryDirectory() as folder:
        clip, mask = write_clip(Path(folder), frames)
        tracker = spec.create(Runtime(resolve_device(device)))
        with read_video(clip) as video:
            results = segment_video(tracker, video, read_label_map(mask))
            save_frames(_sampled(results, curve), video, VideoTask(clip), Path(folder))
            width, height = video.size
    return curve, frames * width * height * 3 / (1 << 20)


def _sampled(results: Iterable[VideoFrame], curve: Curve) -> Iterator[VideoFrame]:
    for frame in results:
        if frame.index % SAMPLE_EVERY == 0:
            curve.append((frame.index, process_memory_mb()))
        yield frame


def band(curve: Curve) -> float:
    """Spread of the memory from frame 100 on, as a share of its value there."""
    settled = [memory for index, memory in curve if index >= SETTLED_FRAME]
    return (max(settled) - min(settled)) / settled[0]


def draw(curve: Curve, title: str, path: Path) -> None:
    """Write the curve as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    indices, memory = zip(*curve, strict=True)
    settled = next(value for index, value in curve if index >= SETTLED_FRAME)
    figure, axes = plt.subplots(figsize=(7, 3), dpi=110, layout="constrained")
    axes.axhspan(settled * (1 - LIMIT), settled * (1 + LIMIT), color="0.92", label="± 5 %")
    axes.plot(indices, memory, color="tab:blue")
    axes.set(xlabel="frame", ylabel="memory (MiB)", title=title, xlim=(0, indices[-1]))
    axes.set_ylim(0, max(memory) * 1.25)
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


@command
def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("system", nargs="?", default="baseline")
    parser.add_argument("name", nargs="?", default="optical_flow")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--net", help="network file")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--frames", type=int, default=3000)
    parser.add_argument("--plot", type=Path, help="PNG file for the curve")
    arguments = parser.parse_args(argv)
    spec = TrackerSpec(
        arguments.system, arguments.name, tuple(arguments.overrides), net=arguments.net
    )
    curve, decoded = measure(spec, arguments.device, arguments.frames)
    for index, memory in curve[:: max(1, len(curve) // 10)]:
        print(f"frame {index:5d}  {memory:7.1f} MiB")
    spread = band(curve)
    print(f"spread from frame {SETTLED_FRAME} on: {100 * spread:.1f} % (limit {100 * LIMIT:.0f} %)")
    if arguments.plot:
        title = f"{spec.system} {spec.name}, {arguments.frames} frames of 640x360"
        draw(curve, title, arguments.plot)
    print("ratio is what the decoded frames alone would need, divided by the peak")
    print(f"ratio={decoded / max(memory for _, memory in curve):.1f}")
    return 0 if spread <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
