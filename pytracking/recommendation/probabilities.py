"""What the quality network learns from, on disk: a host's probabilities after a round."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from ltr.admin.files import atomic_write
from ltr.dataset.interactive.quality_masks import probability_file
from pytracking.evaluation.interactive.videos import InteractiveVideo
from pytracking.recommendation.episodes import PlayedRound


def write_probabilities(
    folder: Path, played: PlayedRound, video: InteractiveVideo, episode: int = 1
) -> None:
    """Write the probabilities of every object in every frame as 8-bit PNG.

    Args:
        folder: Folder of all probabilities.
        played: The round.
        video: The video, or the window of it that was played.
        episode: Number of the episode of this video, from 1.

    Raises:
        OSError: A file cannot be written.
    """
    values = _as_bytes(played.result.probs)
    for frame, object_id in np.ndindex(values.shape[:2]):
        place = video.offset + frame
        file = probability_file(folder, played.number, video.name, object_id + 1, place, episode)
        _write_grey(file, values[frame, object_id])


def _write_grey(path: Path, values: np.ndarray) -> None:
    with atomic_write(path) as stream:
        stream.write(cv2.imencode(path.suffix, values)[1].tobytes())


def _as_bytes(probs: torch.Tensor) -> np.ndarray:
    """uint8 (frames, objects, H, W), rounded, without the background."""
    return (probs[:, 1:] * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
