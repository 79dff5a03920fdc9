"""A clip in memory, as the page shows it and the host sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from pytracking.interactive_page.settings import PageSettings
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.video_reader import read_video

_JPEG_QUALITY = 90


@dataclass(frozen=True)
class Clip:
    """The frames that are worked on.

    Args:
        name: File name without suffix.
        source: The file or folder.
        frames: uint8 (H, W, 3) RGB, perhaps smaller than in the file.
        fps: Frame rate after frames were left out, frames per second.
        every: Only every so many frames of the file were kept.
        length: Frames of the file, None when unknown.
    """

    name: str
    source: Path
    frames: list[np.ndarray]
    fps: float
    every: int
    length: int | None

    def frame_jpeg(self, index: int) -> bytes:
        """A frame as a JPEG file."""
        pixels = cv2.cvtColor(self.frames[index], cv2.COLOR_RGB2BGR)
        encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
        return encoded.tobytes()

    def reread(self) -> FrameSource:
        """The same frames once more from the file, in their full size.

        Raises:
            DataError: The file has gone or is damaged.
        """
        video = read_video(self.source)
        video.frames = islice(video.frames, 0, len(self.frames) * self.every, self.every)
        video.fps = self.fps
        if video.stems:
            video.stems = video.stems[:: self.every]
        return video


def load_clip(source: Path, settings: PageSettings, name: str | None = None) -> Clip:
    """Read a clip into memory.

    Args:
        source: Video file or folder of frames.
        settings: Limits.
        name: Instead of the file's own.

    Raises:
        DataError: It is missing, damaged or no video.
    """
    default_fps = 25.0
    with read_video(source) as video:
        frames = list(_shrunk(video, settings))
        fps = (video.fps or default_fps) / settings.every
        return Clip(name or video.name, source, frames, fps, settings.every, video.length)


def _shrunk(video: FrameSource, settings: PageSettings) -> Iterator[np.ndarray]:
    scale = min(1.0, settings.max_side / max(video.size))
    size = tuple(max(1, round(side * scale)) for side in video.size)
    for frame in islice(video, 0, settings.max_frames * settings.every, settings.every):
        yield frame if scale == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
