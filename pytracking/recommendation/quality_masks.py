"""Training data of the quality network: a frame, one object's probabilities, and their true J&F."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torchvision.transforms.v2.functional as transform
from torch.utils.data import Dataset
from torchvision.transforms.v2 import InterpolationMode

from ltr.admin.errors import DataError
from ltr.data.image_io import read_image, read_label_map, read_shades
from ltr.data.interactive.warps import deform
from pytracking.analysis.metrics.starts import score_objects
from pytracking.evaluation.interactive.videos import InteractiveVideo

_IS_OBJECT = 0.8  # threshold of ATNet's masks, whose quality is learned
_BRIGHTNESS, _CONTRAST = 5 / 255, 0.03  # added; factor about black
_BILINEAR, _NEAREST = InterpolationMode.BILINEAR, InterpolationMode.NEAREST


def probability_file(
    folder: Path, interaction: int, sequence: str, object_id: int, frame: int
) -> Path:
    """Where the probabilities of an object lie, as upstream names them."""
    place = folder / f"interaction-{interaction}" / "scribble-1" / sequence / "probs"
    return place / str(object_id) / f"{frame:05d}.png"


@dataclass(frozen=True)
class MaskSample:
    """One result of a host for one object in one frame.

    Args:
        image: The frame.
        mask: Path of the annotation.
        object_id: Id of the object, from 1.
        probabilities: 8-bit PNG.
    """

    image: Path
    mask: Path
    object_id: int
    probabilities: Path


def list_samples(folder: Path, videos: Sequence[InteractiveVideo], rounds: int) -> list[MaskSample]:
    """All samples of some videos.

    Args:
        folder: Folder of the probabilities.
        videos: The videos.
        rounds: How many were played.

    Raises:
        DataError: A file is missing.
    """
    samples = [
        MaskSample(
            video.frames[frame],
            video.masks[frame],
            object_id,
            probability_file(folder, interaction, video.name, object_id, frame),
        )
        for video in videos
        for interaction in range(1, rounds + 1)
        for object_id in range(1, video.num_objects + 1)
        for frame in range(len(video))
    ]
    for sample in samples:
        if not sample.probabilities.is_file():
            raise DataError(
                f"{sample.probabilities} does not exist: run scripts/interactive/generate_data.py "
                "first, with the same data.subset and davis_interactive.max_nb_interactions"
            )
    return samples


class QualityMasks(Dataset):
    """Augmented samples for the quality network.

    Args:
        samples: Samples from ``list_samples``.
        size: (height, width) to which all are resized, in pixels.
        seed: With the epoch and the position it decides the augmentation.
    """

    def __init__(self, samples: Sequence[MaskSample], size: tuple[int, int], seed: int) -> None:
        self.samples = samples
        self.size = size
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor, float, bool]:
        """Read and augment a sample.

        Returns:
            The image float32 (3, H, W) 0..1 RGB, the probabilities float32 (H, W), their true J&F,
            and whether label or mask has any pixel.

        Raises:
            DataError: A file is missing or damaged.
        """
        rng = random.Random(f"{self.seed} {self.epoch} {index}")
        image, probabilities, label = self._read(self.samples[index])
        label, image, probabilities = deform(label, (image, probabilities), rng)
        image = _change_light(image, rng)
        if rng.random() < 0.5:
            image, probabilities, label = (x.flip(-1) for x in (image, probabilities, label))
        mask = (probabilities[0] > _IS_OBJECT).numpy().astype(np.uint8)
        truth = label[0].numpy()
        jaccard, contour = score_objects(truth, mask, [1])[:, 0]
        return image, probabilities[0], float(jaccard + contour) / 2, bool((truth | mask).any())

    def _read(self, sample: MaskSample) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        size = list(self.size)
        image = torch.from_numpy(read_image(sample.image)).permute(2, 0, 1) / 255
        label = torch.from_numpy(read_label_map(sample.mask) == sample.object_id)[None]
        values = torch.from_numpy(read_shades(sample.probabilities))[None] / 255
        return (
            transform.resize(image, size, _BILINEAR, antialias=False),
            transform.resize(values, size, _BILINEAR, antialias=False),
            transform.resize(label.to(torch.uint8), size, _NEAREST),
        )


def _change_light(image: torch.Tensor, rng: random.Random) -> torch.Tensor:
    brighter = (image + rng.uniform(-_BRIGHTNESS, _BRIGHTNESS)).clamp(0, 1)
    return (brighter * rng.uniform(1 - _CONTRAST, 1 + _CONTRAST)).clamp(0, 1)
