"""Small videos with known content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ltr.data.image_io import write_image
from pytracking.utils.video_writer import VideoWriter


def numbered_frames(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Frames that differ: a bright bar moves right over the ground, 2 pixels per frame."""
    generator = np.random.default_rng(0)
    ground = generator.integers(50, 70, (height, width, 1), dtype=np.uint8).repeat(3, axis=2)
    bar = generator.integers(0, 60, (20, 8, 1), dtype=np.uint8) + np.uint8([190, 90, 30])
    frames = ground[None].repeat(count, axis=0)
    for index, frame in enumerate(frames):
        place = frame[10:30, 2 * index : 2 * index + 8]
        place[:] = bar[:, : place.shape[1]]
    return list(frames)


def bar_mask(index: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Where the bar of ``numbered_frames`` is, bool (height, width)."""
    mask = np.zeros((height, width), bool)
    mask[10:30, 2 * index : 2 * index + 8] = True
    return mask


def write_clip(path: Path, frames: Sequence[np.ndarray], fps: float = 25) -> Path:
    """Encode frames as mp4."""
    with VideoWriter(path, fps) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def write_folder(folder: Path, frames: Sequence[np.ndarray]) -> Path:
    """Write frames as 00000.png and so on."""
    folder.mkdir(parents=True)
    for index, frame in enumerate(frames):
        write_image(folder / f"{index:05d}.png", frame)
    return folder
