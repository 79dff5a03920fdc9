"""Time and memory of ProposeReduce against the published form, on equal results.

Both forms run the released network's layout with random weights over a synthetic clip. The memory
is measured on clips of 60 and 300 frames with a thin network and ``mem_num``.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import sys
import time
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from machine import describe_machine
from plain_propose_reduce import PlainProposals, PlainSequences
from synthetic_clip import draw_clip

from ltr.admin.allocator import keep_memory
from ltr.admin.process_memory import peak_mib, reset_peak
from ltr.data.rle import Rle, decode
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN, seq_mask_rcnn
from pytracking.tracker.base import Runtime
from pytracking.tracker.propose_reduce.loading import prepare_network
from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters
from pytracking.tracker.propose_reduce.propose_reduce import ProposeReduce
from pytracking.tracker.whole_video import TextPrompt
from pytracking.utils.mask_overlaps import video_overlaps

_CPU = torch.device("cpu")
_LONG, _SHORT = 300, 60
# Drawn weights give boxes, masks and classes that differ when these layers grow or shrink.
_WEIGHT_FACTORS = {
    "roi_heads.box_predictor.cls_score": 5,
    "roi_heads.mask_predictor.mask_fcn_logits": 10,
    "prop_head.enc_pos": 100,
    "prop_head.atn_key": 0.2,
    "prop_head.qry_atn_key": 0.2,
    "prop_head.pred2": 100,
}
_MAX_GROWTH = 1.5
_MIN_EQUAL = 0.999


class Seconds(NamedTuple):
    """Time that passed, and time that the processors of this process worked.

    On a machine with other work the second tells more.
    """

    wall: float
    used: float

    @classmethod
    def now(cls) -> Seconds:
        """Both clocks."""
        return cls(time.perf_counter(), time.process_time())

    def until_now(self) -> Seconds:
        """What passed since."""
        now = Seconds.now()
        return Seconds(now.wall - self.wall, now.used - self.used)


@dataclass(frozen=True)
class Setting:
    """One row of the table.

    Args:
        params: Configuration.
        frames: Length of the clip.
        size: Height and width of its frames.
        backbone: Backbone of the network.
        width: Of its heads.
    """

    params: ProposeReduceParameters
    frames: int
    size: tuple[int, int]
    backbone: str = "resnet50"
    width: int = 256

    def network(self) -> SeqMaskRCNN:
        """The network with random weights, so that boxes, masks and classes differ."""
        torch.manual_seed(0)
        network = seq_mask_rcnn(41, self.backbone, self.width).eval().requires_grad_(False)
        for layer, factor in _WEIGHT_FACTORS.items():
            network.get_parameter(f"{layer}.weight").mul_(factor)
        return network

    def segmenter(self, runtime: Runtime) -> ProposeReduce:
        """Our form."""
        return ProposeReduce(self.params, prepare_network(self.network(), runtime), runtime)

    def clip(self) -> list[np.ndarray]:
        """The frames."""
        return draw_clip(self.frames, 2, self.size)[0]


SMALL = Setting(
    ProposeReduceParameters("", img_scale=(256, 144), detection_threshold=0.0, max_per_img=2),
    frames=12,
    size=(144, 256),
)
_FULL = Setting(
    ProposeReduceParameters("", detection_threshold=0.0, max_per_img=2), frames=36, size=(360, 640)
)
THIN = Setting(
    ProposeReduceParameters(
        "", img_scale=(96, 64), key_num=3, mem_num=10, detection_threshold=0.0, max_per_img=2
    ),
    frames=_SHORT,
    size=(64, 96),
    backbone="resnet18",
    width=16,
)


def run_ours(setting: Setting) -> tuple[Seconds, PlainSequences]:
    """Seconds and sequences of our form; the process keeps its memory from here on."""
    keep_memory()  # as wherever a tracker is loaded on a CPU
    segmenter = ProposeReduce(
        setting.params, prepare_network(setting.network(), Runtime(_CPU)), Runtime()
    )
    frames = setting.clip()
    started = Seconds.now()
    with torch.inference_mode():
        cache = segmenter.open_cache(frames)
        keys = segmenter.find_key_frames(cache, len(frames), setting.size)
        store = segmenter.collect(cache, keys, len(frames))
        overlaps = video_overlaps(store.masks, store.masks)
    return started.until_now(), PlainSequences(store.masks, store.scores(), overlaps)


def run_plain(setting: Setting) -> tuple[Seconds, PlainSequences]:
    """Seconds and sequences of the published form."""
    plain, frames = PlainProposals(setting.params, setting.network()), setting.clip()
    started = Seconds.now()
    sequences = plain.propose(frames)
    return started.until_now(), sequences


def compare(setting: Setting) -> float:
    """Time both forms and make sure that they agree.

    Returns:
        Processor time of the reference implementation divided by ours.
    """
    times, results = {}, {}
    for name, run in (("plain", run_plain), ("ours", run_ours)):
        times[name], results[name] = run(setting)
        wall, used = times[name]
        count = len(results[name].masks)
        print(f"{name:5s}  {wall:7.2f} s, {used:7.2f} s of CPU, {count} sequences", flush=True)
    share = _equal_share(results["plain"], results["ours"])
    gap = float(np.abs(results["plain"].scores - results["ours"].scores).max())
    print(f"       {share:.4%} equal pixels, class scores within {gap:.2g}")
    if share < _MIN_EQUAL:
        sys.exit("the two forms disagree")
    return times["plain"].used / times["ours"].used


def _equal_share(first: PlainSequences, second: PlainSequences) -> float:
    height, width = next(mask["size"] for mask in chain(*first.masks) if mask is not None)
    size, equal, total = (height, width), 0, 0
    for masks, others in zip(first.masks, second.masks, strict=True):
        for mask, other in zip(masks, others, strict=True):
            equal += int((_pixels(mask, size) == _pixels(other, size)).sum())
            total += height * width
    return equal / total


def _pixels(mask: Rle | None, size: tuple[int, int]) -> np.ndarray:
    return np.zeros(size, np.uint8) if mask is None else decode(mask)


def measure_memory(frames: int) -> float:
    """Peak memory of a process that segments a thin clip, MiB."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_peak_of, (frames, torch.get_num_threads()))


def _peak_of(frames: int, threads: int) -> float:
    torch.set_num_threads(threads)
    setting = dataclasses.replace(THIN, frames=frames)
    segmenter = ProposeReduce(
        setting.params, prepare_network(setting.network(), Runtime(_CPU)), Runtime()
    )
    clip = setting.clip()
    reset_peak()
    segmenter.segment(clip, TextPrompt())
    return peak_mib()


def check_memory(limit_mib: float | None) -> None:
    """Print the peaks of a short and a long clip; exits when the long one needs too much."""
    short, long = measure_memory(_SHORT), measure_memory(_LONG)
    growth = long / short
    print(f"memory {_SHORT} frames {short:.0f} MiB, {_LONG} frames {long:.0f} MiB: {growth:.2f}")
    if growth > _MAX_GROWTH:
        sys.exit(f"the longer clip may need {_MAX_GROWTH} times as much")
    if limit_mib is not None and long > limit_mib:
        sys.exit(f"more than the {limit_mib:.0f} MiB of --max-memory")


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="36 frames of 640x360 (long)")
    parser.add_argument("--max-memory", type=float, metavar="MIB", help="limit of the memory rows")
    parser.add_argument("--frames", type=int, help="12, or 36 with --full")
    parser.add_argument("--no-memory", action="store_true", help="leave out the rows of memory")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    setting = _FULL if arguments.full else SMALL
    if arguments.frames:
        setting = dataclasses.replace(setting, frames=arguments.frames)
    height, width = setting.size
    print(describe_machine())
    print(
        f"{setting.backbone}, {setting.frames} frames of {width}x{height}, "
        f"{setting.params.key_num} key frames"
    )
    if not arguments.no_memory:
        check_memory(arguments.max_memory)
    print(f"ratio={compare(setting):.2f}")


if __name__ == "__main__":
    main()
