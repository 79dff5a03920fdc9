"""Videos of a folder in DAVIS's layout, with one object each, and the scores of their masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ltr.data.image_io import read_image, read_label_map
from pytracking.analysis.protocols.interactive import score_masks

_SEQUENCES = 8


class Video(NamedTuple):
    """Frames uint8 (H, W, 3) RGB and true label maps, uint8 (frames, H, W)."""

    name: str
    frames: list[np.ndarray]
    truth: np.ndarray


def read_videos(folder: Path, every: int, names: Sequence[str]) -> list[Video]:
    """The named sequences, else the first ones that show their object in first and middle frame."""
    videos = []
    for path in sorted((folder / "JPEGImages/480p").iterdir()):
        if names and path.name not in names:
            continue
        files = sorted(path.glob("*.jpg"))[::every]
        masks = [folder / "Annotations/480p" / path.name / f"{file.stem}.png" for file in files]
        truth = np.stack([(read_label_map(mask) > 0).astype(np.uint8) for mask in masks])
        videos.append(Video(path.name, [read_image(file) for file in files], truth))
    return videos if names else videos[:_SEQUENCES]


def shrink(video: Video, side: int) -> Video:
    """The video with a shorter side of so many pixels."""
    height, width = video.truth.shape[1:]
    scale = side / min(height, width)
    size = (round(width * scale), round(height * scale))
    frames = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in video.frames]
    truth = [cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST) for mask in video.truth]
    return Video(video.name, frames, np.stack(truth))


def scores(truth: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """J&F of every frame, percent."""
    jaccard, contour = score_masks(truth, masks, 1)
    return 50 * (jaccard + contour)[:, 0]
