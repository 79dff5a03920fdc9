"""Tiny annotated videos in the layouts of the public data sets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from ltr.data.image_io import write_image, write_label_map

SHAPE = (40, 60)
Squares = Mapping[int, tuple[int, int]]


def label_map(squares: Squares, side: int = 8, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Squares of ``side`` pixels by id, placed by the (x, y) of their upper left pixel."""
    labels = np.zeros(shape, np.uint8)
    for label, (x, y) in squares.items():
        labels[y : y + side, x : x + side] = label
    return labels


def textured_frame(shift: int, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """A smooth random picture moved right by ``shift`` pixels, uint8 (H, W, 3)."""
    noise = np.random.default_rng(0).integers(0, 256, (shape[0], 4 * shape[1], 3), dtype=np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    stretched = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)
    return np.ascontiguousarray(np.roll(stretched, shift, axis=1)[:, : shape[1]])


def write_video(
    images: Path,
    annotations: Path,
    squares: Mapping[str, Squares | None],
    shift: int = 2,
    side: int = 8,
) -> None:
    """Write one video.

    Args:
        images: Folder of its frames.
        annotations: Folder of its label PNGs.
        squares: What each frame shows, by stem; None writes no annotation.
        shift: Pixels by which the picture moves right from frame to frame.
        side: Of the squares, pixels.
    """
    for index, (stem, content) in enumerate(squares.items()):
        write_image(images / f"{stem}.jpg", textured_frame(index * shift))
        if content is not None:
            write_label_map(annotations / f"{stem}.png", label_map(content, side))


def write_davis(
    root: Path,
    videos: Mapping[str, Mapping[str, Squares | None]],
    split: str = "val",
    side: int = 8,
) -> Path:
    """Write a DAVIS tree with one list of both years."""
    for name, squares in videos.items():
        images, annotations = (
            root / kind / "480p" / name for kind in ("JPEGImages", "Annotations")
        )
        write_video(images, annotations, squares, side=side)
    for year in ("2016", "2017"):
        (root / "ImageSets" / year).mkdir(parents=True, exist_ok=True)
        (root / "ImageSets" / year / f"{split}.txt").write_text("\n".join(videos))
    return root


def write_folder_videos(root: Path, videos: Mapping[str, Mapping[str, Squares | None]]) -> Path:
    """Write ``JPEGImages/<seq>`` and ``Annotations/<seq>``."""
    for name, squares in videos.items():
        write_video(root / "JPEGImages" / name, root / "Annotations" / name, squares)
    return root


def write_youtubevos(
    root: Path,
    videos: Mapping[str, Mapping[str, Squares | None]],
    starts: Mapping[str, Mapping[int, str]],
    part: str = "2019/valid",
    every_frame: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write a YouTube-VOS tree.

    Args:
        root: The folder with ``2019``.
        videos: The sparse frames.
        starts: First frame of each object as ``meta.json`` has it.
        part: Version and folder.
        every_frame: Stems of ``<part>_all_frames``.
    """
    write_folder_videos(root / part, videos)
    objects = {
        name: {"objects": {str(k): {"category": "dog", "frames": [v]} for k, v in ids.items()}}
        for name, ids in starts.items()
    }
    (root / part).mkdir(parents=True, exist_ok=True)
    (root / part / "meta.json").write_text(json.dumps({"videos": objects}))
    for name, stems in (every_frame or {}).items():
        for index, stem in enumerate(stems):
            picture = textured_frame(index)
            write_image(root / f"{part}_all_frames" / "JPEGImages" / name / f"{stem}.jpg", picture)
    return root
