"""Clips of videos without labels, in two views (Araslanov et al., arXiv 2111.06265)."""

from __future__ import annotations

import random as python_random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.image_format import IMAGENET_RGB
from ltr.data.image_io import read_image
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.data.two_views import TwoViews
from ltr.data.unlabelled_videos import UnlabelledVideos


def choose_frames(
    length: int, count: int, gap: int, random: python_random.Random, keep_order: bool = False
) -> list[int]:
    """Choose the frames of a clip, evenly spaced.

    Args:
        length: Frames of the video.
        count: Frames of the clip.
        gap: Largest distance between neighbours; shorter videos have a smaller one.
        random: Draws the start, then the order.
        keep_order: Frames stay in order of time and may repeat, as upstream has it for Kinetics;
            otherwise their order is random, and with it the first frame, which gives the anchors.

    Raises:
        DataError: The video is too short.
    """
    if length < (1 if keep_order else count):
        raise DataError(f"the video has {length} frames, a clip needs {count}")
    window = min(length, gap * count)
    if keep_order:
        start = random.randint(0, length - window)
        return [start + int(index * window / count) for index in range(count)]
    offsets = [index * (window // count) for index in range(count)]
    start = random.randint(0, length - offsets[-1] - 1)
    return [start + offset for offset in random.sample(offsets, count)]


@dataclass(frozen=True)
class ClipDraw:
    """Which video a clip is taken from: number of the data set, and of the video in it."""

    dataset: int
    video: int


class ClipSampler(RandomSamples[ClipDraw]):
    """Clips of several data sets; every video is used equally often.

    Args:
        datasets: With at least one video together.
        samples_per_epoch: Length of an epoch; the next one continues with the next videos.
        views: Makes the two views.
        video_len: Frames a clip.
        frame_gap: See ``choose_frames``.
        keep_order: See ``choose_frames``.
    """

    def __init__(
        self,
        datasets: Sequence[UnlabelledVideos],
        samples_per_epoch: int,
        views: TwoViews,
        video_len: int = 5,
        frame_gap: int = 5,
        keep_order: bool = False,
    ) -> None:
        super().__init__(samples_per_epoch)
        self.datasets = datasets
        self.views = views
        self.video_len = video_len
        self.frame_gap = frame_gap
        self.keep_order = keep_order
        self._ends = np.cumsum([len(dataset) for dataset in datasets])

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> ClipDraw:
        """The video whose turn it is; another one, at random, when that cannot be used."""
        total = int(self._ends[-1])
        turn = ((key.epoch - 1) * self.samples_per_epoch + key.position) % total
        number = random.python.randrange(total) if attempt else turn
        dataset = int(np.searchsorted(self._ends, number, side="right"))
        return ClipDraw(dataset, number - int(self._ends[dataset]) + len(self.datasets[dataset]))

    def read(self, draw: ClipDraw, random: Generators) -> dict[str, Any]:
        """Read the frames and make the views.

        Returns:
            ``main`` and ``reg``, (frames, 3, H, W), normalised; ``theta``, (frames, 2, 3).

        Raises:
            DataError: The video is too short, damaged, or changes its size.
        """
        frames = self.datasets[draw.dataset].frames(draw.video)
        chosen = choose_frames(
            len(frames), self.video_len, self.frame_gap, random.python, self.keep_order
        )
        images = _read_images([frames[number] for number in chosen])
        views = self.views.apply(images, self.views.roll(images[0].shape[:2], random))
        theta = torch.from_numpy(views.theta).expand(len(images), 2, 3).clone()
        return {"main": _to_input(views.main), "reg": _to_input(views.reg), "theta": theta}

    def source(self, draw: ClipDraw) -> str:
        """Data set and video."""
        dataset = self.datasets[draw.dataset]
        return f"{dataset.name} {dataset.video_name(draw.video)}"


def _read_images(paths: Sequence[Path]) -> list[np.ndarray]:
    images = [read_image(path) for path in paths]
    for path, image in zip(paths, images, strict=True):
        if image.shape != images[0].shape:
            raise DataError(f"{path} has another size than {paths[0].name}")
    return images


def _to_input(images: np.ndarray) -> torch.Tensor:
    """uint8 (frames, H, W, 3) -> (frames, 3, H, W), normalised."""
    return IMAGENET_RGB.normalise(torch.from_numpy(images).permute(0, 3, 1, 2).float())
