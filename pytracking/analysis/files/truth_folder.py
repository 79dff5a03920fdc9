"""Folders of annotated videos: one folder of label PNGs a video."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.frame_files import IMAGE_SUFFIXES, find_mask
from pytracking.analysis.files.mask_reader import read_labels

_RESOLUTION = "480p"


@dataclass(frozen=True)
class VideoTruth:
    """The annotations of one video.

    Args:
        name: Name of the video.
        folder: With the label PNGs.
        frames: Names of the annotated frames, in order.
        starts: The frame in which each object is given, by id; empty when only the annotations
            tell.
        images: Folder of the video's pictures, if there is one.
    """

    name: str
    folder: Path
    frames: tuple[str, ...]
    starts: Mapping[int, str] = field(default_factory=dict)
    images: Path | None = None

    def read(self, frame: str) -> np.ndarray:
        """The annotation of a frame, uint8 (H, W).

        Raises:
            DataError: The file is missing or damaged.
        """
        return read_labels(find_mask(self.folder, frame))

    def known_frames(self) -> set[str]:
        """Names of all frames of the video, as far as they can be seen."""
        listed = set(self.frames)
        if self.images is not None and self.images.is_dir():
            listed.update(
                os.path.splitext(name)[0]
                for name in os.listdir(self.images)
                if name.lower().endswith(IMAGE_SUFFIXES)
            )
        return listed


def annotation_root(path: Path, kind: str = "Annotations") -> Path:
    """The folder with one folder of masks per video, given itself or one of its parents.

    Args:
        path: A folder such as ``<root>``, ``<root>/Annotations`` or ``<root>/Annotations/480p``.
        kind: ``"Annotations"`` or ``"Annotations_unsupervised"``.

    Raises:
        DataError: There is no such folder.
    """
    candidates = (path / kind / _RESOLUTION, path / kind, path / _RESOLUTION, path)
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise DataError(f"the ground truth {path} is not a folder")
