"""Small folders of masks for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ltr.data.image_io import encode_label_map


def moving_squares(
    frames: int = 6, objects: int = 2, step: int = 2, size: tuple[int, int] = (60, 90)
) -> list[np.ndarray]:
    """Label maps with squares that move to the right, one below the other."""
    maps = []
    for frame in range(frames):
        labels = np.zeros(size, np.uint8)
        for label in range(1, objects + 1):
            top, left = 18 * label - 12, 5 + step * frame
            labels[top : top + 12, left : left + 20] = label
        maps.append(labels)
    return maps


def write_masks(folder: Path, maps: list[np.ndarray], step: int = 1) -> Path:
    """Write ``<frame>.png`` files, numbered in steps."""
    return write_frames(folder, {f"{step * i:05d}": labels for i, labels in enumerate(maps)})


def write_frames(folder: Path, frames: Mapping[str, np.ndarray]) -> Path:
    """Write ``<frame>.png`` files of the given names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, labels in frames.items():
        (folder / f"{name}.png").write_bytes(encode_label_map(labels))
    return folder


def write_videos(folder: Path, videos: Mapping[str, list[np.ndarray]]) -> Path:
    """Write one folder of masks a video."""
    for name, maps in videos.items():
        write_masks(folder / name, maps)
    return folder


def copy_first(maps: list[np.ndarray]) -> list[np.ndarray]:
    """The result of a tracker that repeats the first mask."""
    return [maps[0]] * len(maps)
