"""Pairs of frames from videos in YouTube-VIS's format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.image_io import read_image
from ltr.data.pair_dataset import AnnotatedFrame, InstancePairs
from ltr.data.randomness import Generators
from ltr.data.rle import decode
from ltr.dataset.youtubevis_file import VisFile, VisTrack, VisVideo


@dataclass(frozen=True)
class _Video:
    """A video with the objects that can be learned from.

    Args:
        video: Frames and size of the video.
        tracks: Objects of the video.
        labels: int64 (objects,).
        is_shown: bool (frames, objects).
    """

    video: VisVideo
    tracks: tuple[VisTrack, ...]
    labels: np.ndarray
    is_shown: np.ndarray


class InstanceVideos(InstancePairs):
    """Every annotated frame is a query; its guidance is another frame of the video.

    Args:
        name: Name of the data set.
        content: With annotations.
        images: Folder of the frames.
        is_class_agnostic: Whether all categories are one class, ``instance``.
        image_loader: Reads a picture as uint8 (H, W, 3) RGB.

    Raises:
        DataError: There are no annotations, or no object is ever seen.
    """

    def __init__(
        self,
        name: str,
        content: VisFile,
        images: Path,
        is_class_agnostic: bool = False,
        image_loader: Callable[[Path], np.ndarray] = read_image,
    ) -> None:
        if content.tracks is None:
            raise DataError(f"{content.path} has no annotations: take the file of a training split")
        names = ("instance",) if is_class_agnostic else tuple(content.categories.values())
        super().__init__(name, names)
        labels = {key: 1 if is_class_agnostic else n for n, key in enumerate(content.categories, 1)}
        self._videos = [_usable(v, content.tracks[v.number], labels) for v in content.videos]
        self._images = images
        self._image_loader = image_loader
        self._queries = np.array(
            [
                (number, frame)
                for number, video in enumerate(self._videos)
                for frame in np.flatnonzero(video.is_shown.any(axis=1))
            ]
        )
        if len(self._queries) == 0:
            raise DataError(f"no frame of {content.path} shows an object")

    def __len__(self) -> int:
        return len(self._queries)

    def read(self, index: int, random: Generators) -> tuple[AnnotatedFrame, AnnotatedFrame]:
        """See ``InstancePairs``; where no other frame serves, the query guides itself."""
        number, frame = self._queries[index].tolist()
        video = self._videos[number]
        candidates = guidance_frames(video.is_shown, video.labels, frame)
        chosen = random.python.choice(candidates) if candidates else frame
        query = self._frame(video, frame)
        return query, query if chosen == frame else self._frame(video, chosen)

    def is_wide(self, index: int) -> bool:
        """See ``InstancePairs``."""
        height, width = self._videos[int(self._queries[index, 0])].video.size
        return width > height

    def source(self, index: int) -> str:
        """Data set and file."""
        number, frame = self._queries[index].tolist()
        return f"{self.name} {self._videos[number].video.files[frame]}"

    def _frame(self, video: _Video, frame: int) -> AnnotatedFrame:
        file = self._images / video.video.files[frame]
        image = self._image_loader(file)
        if image.shape[:2] != video.video.size:
            raise DataError(f"{file} is {image.shape[:2]}, its annotations {video.video.size}")
        shown = np.flatnonzero(video.is_shown[frame])
        tracks = [video.tracks[number] for number in shown]
        masks = [mask for track in tracks if (mask := track.masks[frame]) is not None]
        return AnnotatedFrame(
            image,
            numbers=shown,
            labels=video.labels[shown],
            boxes=np.array([track.boxes[frame] for track in tracks], np.float32),
            masks=np.stack([decode(mask) for mask in masks]),
        )


def _usable(video: VisVideo, tracks: Sequence[VisTrack], labels: dict[int, int]) -> _Video:
    """Leave out crowds, and objects in frames where they have no box of at least one pixel."""
    tracks = tuple(track for track in tracks if not track.is_crowd)
    is_shown = np.zeros((len(video.files), len(tracks)), bool)
    for place, track in enumerate(tracks):
        states = zip(track.masks, track.boxes, track.areas, strict=True)
        for frame, (mask, box, area) in enumerate(states):
            if mask is not None and box is not None and area:
                is_shown[frame, place] = min(box[2:]) >= 1
    classes = np.array([labels[track.category] for track in tracks], dtype=np.int64)
    return _Video(video, tracks, classes, is_shown)


def guidance_frames(is_shown: np.ndarray, labels: np.ndarray, query: int) -> list[int]:
    """The frames that can guide a query frame.

    They share an object with it, and show every object of the query whose class they show: else a
    new object could be taken for another one of its class.

    Args:
        is_shown: bool (frames, objects).
        labels: (objects,).
        query: Number of the frame.

    >>> shown = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 1]], bool)
    >>> guidance_frames(shown, np.array([7, 7, 8]), 0)
    [2]
    >>> guidance_frames(shown, np.array([7, 8, 8]), 0)
    [1, 2]
    """
    wanted = is_shown[query]
    fits = (is_shown & wanted).any(axis=1)
    for label in np.unique(labels[wanted]):
        own = wanted & (labels == label)
        has_class = (is_shown & (labels == label)).any(axis=1)
        fits &= ~has_class | is_shown[:, own].all(axis=1)
    fits[query] = False
    return np.flatnonzero(fits).tolist()
