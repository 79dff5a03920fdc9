"""How well features carry labels through annotated videos: what chooses among checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F

from ltr.admin.errors import DataError
from ltr.data.image_format import IMAGENET_RGB
from ltr.data.mask_metrics.frame_pair import FramePair
from ltr.dataset.vos_base import VosDataset
from ltr.models.dense_ulearn.dense_ulearn_net import Embeddings
from ltr.models.dense_ulearn.propagation import start_state, step

Embed = Callable[[torch.Tensor], Embeddings]


@dataclass(frozen=True)
class PublishedRules:
    """The published values; see ``PropagationRules``."""

    radius: float = 12.0
    temp: float = 0.05
    knn: int = 10
    cxt_size: int = 20


class AnnotatedVideo(Protocol):
    """Frames and label maps of a video."""

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Images uint8 (H, W, 3) RGB and labels uint8 (H, W)."""


@dataclass(frozen=True)
class VideoOfSet:
    """One sequence of a data set, read frame by frame."""

    dataset: VosDataset
    number: int

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        info = self.dataset.get_sequence_info(self.number)
        for frame in range(len(info["object_sizes"])):
            images, record, _ = self.dataset.get_frames(self.number, [frame], info)
            yield images[0], np.asarray(record["mask"][0])


@torch.no_grad()
def propagation_score(
    embed: Embed, videos: Sequence[AnnotatedVideo], keys: Sequence[str], device: torch.device
) -> dict[str, float]:
    """J&F of the labels of first frames that were propagated to all others.

    It is the mean over all objects of the first frames, each over the frames without the first and
    the last one (the rule of DAVIS).

    Args:
        embed: Images (N, 3, H, W), normalised -> features.
        videos: The videos.
        keys: Names of features, for instance ``res4``.
        device: Device of the network.

    Returns:
        J&F, 0..1, by key.

    Raises:
        DataError: No video shows an object in its first frame.
    """
    found: dict[str, list[float]] = {key: [] for key in keys}
    for video in videos:
        for key, scores in _score_video(embed, video, keys, device).items():
            found[key] += scores
    if not all(found.values()):
        raise DataError("no video to score shows an object in its first frame")
    return {key: float(np.mean(scores)) for key, scores in found.items()}


def _score_video(
    embed: Embed, video: AnnotatedVideo, keys: Sequence[str], device: torch.device
) -> dict[str, list[float]]:
    """J&F of every object of the first frame, by key."""
    rules = PublishedRules()
    states, ids = {}, []
    pairs: dict[str, list[list[float]]] = {key: [] for key in keys}
    for index, (image, truth) in enumerate(video):
        if index == 0:
            ids = [int(value) for value in np.unique(truth) if 0 < value < 255]
            started = torch.stack([torch.from_numpy(truth == value) for value in (0, *ids)])
        pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
        embeddings = embed(IMAGENET_RGB.normalise(pixels.to(device).float()))
        for key in keys:
            features = F.normalize(getattr(embeddings, key).float())[0].permute(1, 2, 0)
            if index == 0:
                states[key] = start_state(features.contiguous(), rules)
            masks = started.to(device) if index == 0 else None
            soft = step(states[key], features.contiguous(), masks, rules)
            if index:
                pairs[key].append(_score_frame(soft, truth, ids))
    return {key: np.mean(rows[:-1] or rows, axis=0).tolist() for key, rows in pairs.items()}


def _score_frame(soft: torch.Tensor, truth: np.ndarray, ids: Sequence[int]) -> list[float]:
    full = F.interpolate(soft[None], truth.shape, mode="bilinear", align_corners=True)[0]
    best = full.argmax(dim=0).cpu().numpy()
    labels = np.array([0, *ids], np.uint8)[best]
    pair = FramePair(np.where(truth == 255, 0, truth).astype(np.uint8), labels)
    return [(pair.jaccard(value, value) + pair.boundary_f(value, value)) / 2 for value in ids]
