"""Speed of the training data of JOINT stage 1 against its reference implementation.

    python benchmarks/data_loading.py          frames of 1280x720 as in YouTube-VOS, 16 samples
    python benchmarks/data_loading.py --full   854x480 too, 60 samples

The reference implementation reads a frame each time it is drawn and pads, resizes and normalises
with PyTorch, step by step. Both forms get the same draws and must give the same tensors; their time
is CPU time of one process. Then the loader feeds an imagined training step of 0.3 s, every loading
process having the work of stage 1 on 16 cores (20 samples per step, 5 images per core), and the
share of the time spent waiting for data is measured. The last line is ``ratio=``: time of the
reference implementation divided by ours.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from machine import describe_machine
from synthetic_clip import draw_clip

from ltr.admin.environment import train_environment
from ltr.data.crops import Window, target_window
from ltr.data.image_io import write_image, write_label_map
from ltr.data.loader import LTRLoader
from ltr.data.processing import SegProcessing
from ltr.data.randomness import Generators, SampleKey
from ltr.data.sampler import Draw, SegSampler
from ltr.data.transforms import Frame, ToTensor
from ltr.train_settings.joint.assembly import JointAssembly
from ltr.train_settings.joint.joint_stage1 import RECIPE

STEP_SECONDS = 0.3
CORES = 16
VIDEOS, FRAMES = 3, 20
REPEATS = 5
_WARM = 2  # batches of every process that are not counted: they start meanwhile


class PlainToTensor(ToTensor):
    """Brightness and normalisation, one operation after the other."""

    def image(self, image: np.ndarray, factor: float) -> torch.Tensor:
        pixels = torch.from_numpy(image.transpose(2, 0, 1)).float()
        pixels = (pixels * factor).clamp(0, 255)
        mean, std = torch.from_numpy(self.mean), torch.from_numpy(self.std)
        return (pixels - mean[:, None, None]) / std[:, None, None]


class PlainProcessing(SegProcessing):
    """Crops by PyTorch."""

    def _crop(self, frame: Frame, displaced: np.ndarray) -> Frame:
        size = (frame.image.shape[1], frame.image.shape[0])
        window = target_window(
            size, displaced, self.search_area_factor, self.output_size, self.crop_mode
        )
        right = max(window.left + window.width - size[0] + 1, 0)
        below = max(window.top + window.height - size[1] + 1, 0)
        left, above = max(0, -window.left), max(0, -window.top)
        part = _cut(frame.image, window, left, above, right, below)
        image = cv2.copyMakeBorder(part, above, below, left, right, cv2.BORDER_REPLICATE)
        mask = torch.from_numpy(_cut(frame.mask, window, left, above, right, below).copy())
        mask = F.pad(mask[None, None], (left, right, above, below))
        mask = F.interpolate(mask, size=self.output_size[::-1], mode="nearest")[0, 0]
        box = window.move_box(frame.box, self.output_size)
        return Frame(cv2.resize(image, self.output_size), mask.numpy(), box)


def _cut(
    pixels: np.ndarray, window: Window, left: int, above: int, right: int, below: int
) -> np.ndarray:
    rows = slice(window.top + above, window.top + window.height - below)
    return pixels[rows, window.left + left : window.left + window.width - right]


class PlainSampler(SegSampler):
    """Reads a frame as often as it was drawn."""

    def read(self, draw: Draw, random: Generators) -> dict[str, torch.Tensor]:
        frames = []
        for number in draw.train_ids + draw.test_ids:
            images, values, _ = self.datasets[draw.dataset].get_frames(
                draw.sequence, [number], draw.info
            )
            frames.append(Frame(images[0], values["mask"][0], values["bbox"][0]))
        return self.processing(
            frames[: self.num_train_frames], frames[self.num_train_frames :], random
        )


def write_videos(folder: Path, size: tuple[int, int]) -> Path:
    """Write synthetic videos of (height, width)."""
    for video in range(VIDEOS):
        frames, labels = draw_clip(FRAMES, 1, size, seed=video)
        for number, frame in enumerate(frames):
            write_image(folder / "JPEGImages" / str(video) / f"{number:05d}.jpg", frame)
            write_label_map(folder / "Annotations" / str(video) / f"{number:05d}.png", labels)
    return folder


def make_samplers(folder: Path) -> tuple[SegSampler, SegSampler]:
    """Our form and the reference implementation of stage 1's training data."""
    recipe = replace(RECIPE, train_sets={f"folder:{folder}": 1}, validation_sets={})
    ours, _ = JointAssembly(recipe, train_environment(create=False)).datasets()
    processing = ours.processing
    assert isinstance(processing, SegProcessing)
    fields = dict(vars(processing))
    last = processing.to_tensor
    fields["to_tensor"] = PlainToTensor(
        last.brightness, mean=last.mean.tolist(), std=last.std.tolist()
    )
    plain = PlainSampler(ours.datasets, len(ours), PlainProcessing(**fields), weights=[1])
    return ours, plain


def largest_difference(ours: SegSampler, plain: SegSampler, keys: Sequence[SampleKey]) -> float:
    """Over all tensors of the given samples."""
    differences = [
        float((value - other[name]).abs().max())
        for key in keys
        for other in [plain[key]]
        for name, value in ours[key].items()
        if isinstance(value, torch.Tensor)
    ]
    return max(differences)


def seconds_for(sampler: SegSampler, keys: Sequence[SampleKey]) -> float:
    """CPU time to make samples in this process."""
    started = time.process_time()
    for key in keys:
        sampler[key]
    return time.process_time() - started


def waiting_share(sampler: SegSampler, workers: int, steps: int) -> float:
    """Share of the time that a training step of stage 1 would wait for its data.

    The batch is smaller than stage 1's, and the step longer, so that every loading process has the
    work that it would have on a machine of ``CORES`` cores.
    """
    size = 5
    step = STEP_SECONDS * size / RECIPE.batch_size * CORES / workers
    loader = LTRLoader("train", sampler, batch_size=size, stack_dim=1, num_workers=workers)
    batches = loader.batches(1)
    waited = []
    for _ in range(_WARM * workers + steps):
        asked = time.perf_counter()
        next(batches)
        waited.append(time.perf_counter() - asked)
        time.sleep(step)
    total = sum(waited[-steps:])
    return total / (total + steps * step)


def compare(size: tuple[int, int], samples: int) -> float:
    """Measure frames of one size, print, and return the ratio."""
    with tempfile.TemporaryDirectory() as temporary:
        ours, plain = make_samplers(write_videos(Path(temporary), size))
        keys = [SampleKey(0, 1, index) for index in range(samples)]
        difference = largest_difference(ours, plain, keys[:4])
        seconds = {
            name: sorted(seconds_for(sampler, keys) for _ in range(REPEATS))
            for name, sampler in (("plain", plain), ("ours", ours))
        }
        workers = min(os.cpu_count() or 1, CORES)
        share = waiting_share(ours, workers, samples)
    images = samples * (ours.num_train_frames + ours.num_test_frames)
    for name, values in seconds.items():
        rates = [images / value for value in values]
        print(f"{size[1]}x{size[0]} {name}: {rates[REPEATS // 2]:.1f} images per second and core "
              f"({rates[-1]:.1f} to {rates[0]:.1f})")  # fmt: skip
    needed = RECIPE.batch_size * 4 / STEP_SECONDS / (images / seconds["ours"][REPEATS // 2])
    print(f"largest difference of the two forms: {difference:.2g}")
    print(f"waiting for data, {workers} processes with the load of {CORES}: {100 * share:.1f} %")
    print(f"a step of {STEP_SECONDS} s keeps {needed:.1f} cores busy")
    if difference > 1e-4:
        raise SystemExit("the two forms differ")
    return seconds["plain"][0] / seconds["ours"][0]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="more sizes and samples")
    arguments = parser.parse_args()
    print(describe_machine(), flush=True)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    samples = 60 if arguments.full else 16
    if arguments.full:
        compare((480, 854), samples)
    ratio = compare((720, 1280), samples)
    print(f"ratio={ratio:.2f}")


if __name__ == "__main__":
    main()
