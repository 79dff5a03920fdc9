"""Training data of the quality network: a frame, one object's probabilities, and their true J&F."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torchvision.transforms.v2.functional as transform
from torchvision.transforms.v2 import InterpolationMode

from ltr.admin.errors import DataError
from ltr.data.image_io import read_image, read_label_map, read_shades
from ltr.data.interactive.warps import deform
from ltr.data.mask_metrics.frame_pair import FramePair
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.dataset.vos_base import VosDataset

IS_OBJECT = 0.8  # threshold of ATNet's masks, whose quality is learned
_BRIGHTNESS, _CONTRAST = 5 / 255, 0.03  # added; factor about black
_BILINEAR, _NEAREST = InterpolationMode.BILINEAR, InterpolationMode.NEAREST


def probability_file(
    folder: Path, interaction: int, sequence: str, object_id: int, frame: int, episode: int = 1
) -> Path:
    """Where the probabilities of an object lie, as upstream names them.

    Args:
        folder: Folder of all of them.
        interaction: Number of the round, from 1.
        sequence: Name of the video.
        object_id: Id of the object, from 1.
        frame: Index of the frame.
        episode: Number of the episode of this video, from 1; upstream plays one.
    """
    place = folder / f"interaction-{interaction}" / f"scribble-{episode}" / sequence / "probs"
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


class AnnotatedVideo(NamedTuple):
    """A video with a mask for every frame.

    Args:
        name: Name of the video.
        frames: All frames.
        masks: Their annotations.
        num_objects: The objects are 1 to ``num_objects``.
    """

    name: str
    frames: tuple[Path, ...]
    masks: tuple[Path, ...]
    num_objects: int


def annotated_videos(dataset: VosDataset) -> list[AnnotatedVideo]:
    """The videos of a data set in which every frame is annotated.

    Raises:
        DataError: Files are missing or damaged.
    """
    videos = []
    for name in dataset.videos:
        stems, count = dataset.index[name].stems, len(dataset.object_ids(name))
        files = {path.stem: path for path in dataset.tracking_frames(name)}
        masks = tuple(dataset.layout.mask_path(name, stem) for stem in stems)
        videos.append(AnnotatedVideo(name, tuple(files[s] for s in stems), masks, count))
    return videos


def list_samples(
    folder: Path, videos: Sequence[AnnotatedVideo], rounds: int, episodes: int = 1
) -> list[MaskSample]:
    """All samples of some videos.

    Args:
        folder: Folder of the probabilities.
        videos: The videos.
        rounds: How many were played.
        episodes: How often each video was played.

    Raises:
        DataError: A file is missing.
    """
    samples = [
        MaskSample(
            video.frames[frame],
            video.masks[frame],
            object_id,
            probability_file(folder, interaction, video.name, object_id, frame, episode),
        )
        for video in videos
        for episode in range(1, episodes + 1)
        for interaction in range(1, rounds + 1)
        for object_id in range(1, video.num_objects + 1)
        for frame in range(len(video.frames))
    ]
    for sample in samples:
        if not sample.probabilities.is_file():
            raise DataError(
                f"{sample.probabilities} does not exist: run scripts/interactive/generate_data.py "
                "first, with the same data.subset and davis_interactive.max_nb_interactions"
            )
    return samples


class QualityMasks(RandomSamples[int]):
    """Augmented samples for the quality network; every epoch shows some of them once, or all.

    Args:
        samples: Samples from ``list_samples``.
        size: (height, width) to which all are resized, in pixels.
        samples_per_epoch: At most as many as there are samples; None for all.
        threshold: Probability above which a pixel is the object's in the host's masks.
    """

    orders_epochs = True

    def __init__(
        self,
        samples: Sequence[MaskSample],
        size: tuple[int, int],
        samples_per_epoch: int | None = None,
        threshold: float = IS_OBJECT,
    ) -> None:
        super().__init__(samples_per_epoch or len(samples))
        self.samples = samples
        self.size = size
        self.threshold = threshold
        self._epoch: tuple[int, ...] = ()
        self._order: Sequence[int] = ()

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> int:
        """The sample whose turn it is; another one, at random, when that fails."""
        if attempt:
            return random.python.randrange(len(self.samples))
        if self._epoch != key[:2]:
            self._epoch = key[:2]
            self._order = np.random.default_rng(key[:2]).permutation(len(self.samples)).tolist()
        return self._order[key.position]

    def read(self, draw: int, random: Generators) -> dict[str, Any]:
        """Read and augment a sample.

        Returns:
            ``images`` float32 (3, H, W) 0..1 RGB; ``probabilities`` float32 (H, W); ``quality``
            float32 (), their true J&F; ``counts`` bool (), whether label or mask has any pixel.

        Raises:
            DataError: A file is missing or damaged.
        """
        rng = random.python
        image, probabilities, label = self._read(self.samples[draw])
        label, both = deform(label, (torch.cat([image, probabilities]),), rng)
        image, probabilities = _change_light(both[:3], rng), both[3:]
        if rng.random() < 0.5:
            image, probabilities, label = (x.flip(-1) for x in (image, probabilities, label))
        mask = (probabilities[0] > self.threshold).numpy().astype(np.uint8)
        truth = label[0].numpy()
        pair = FramePair(truth, mask)
        return {
            "images": image,
            "probabilities": probabilities[0],
            "quality": torch.tensor((pair.jaccard(1, 1) + pair.boundary_f(1, 1)) / 2).float(),
            "counts": torch.tensor(bool((truth | mask).any())),
        }

    def source(self, draw: int) -> str:
        """The file of the probabilities."""
        return str(self.samples[draw].probabilities)

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
