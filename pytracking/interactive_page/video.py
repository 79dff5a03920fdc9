"""A video as the page shows it and the tracker sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from pytracking.interactive_page.decoding import read_isolated
from pytracking.interactive_page.settings import PageSettings
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.lazy_frames import LazyFrames, SpooledFrames
from pytracking.utils.video_reader import read_video

_JPEG_QUALITY = 90


@dataclass(frozen=True)
class PageVideo:
    """The frames that are worked on.

    Args:
        name: File name without suffix.
        source: The file or folder.
        frames: uint8 (H, W, 3) RGB, perhaps smaller than in the file; on disk beyond 256 MiB.
        release: Gives their memory and disk space back.
        fps: Frame rate after frames were left out, frames per second.
        every: Only every so many frames of the file were kept.
        length: Frames of the file, None when unknown.
        is_untrusted: Decode it in a process of its own.
    """

    name: str
    source: Path
    frames: LazyFrames
    fps: float
    every: int
    length: int | None
    is_untrusted: bool = False
    release: Callable[[], None] = lambda: None

    def frame_jpeg(self, index: int) -> bytes:
        """A frame as a JPEG file."""
        pixels = cv2.cvtColor(self.frames[index], cv2.COLOR_RGB2BGR)
        encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
        return encoded.tobytes()

    def reread(self, check: Callable[[], None]) -> FrameSource:
        """The same frames once more from the file, in their full size.

        Args:
            check: Called while waiting for frames; its error ends the reading.

        Raises:
            DataError: The file has gone or is damaged.
        """
        limit = len(self.frames) * self.every
        if self.is_untrusted:
            video = read_isolated(self.source, limit, self.every, check)
        else:
            video = read_video(self.source)
            video.frames = islice(video.frames, 0, limit, self.every)
        video.fps = self.fps
        if video.stems:
            video.stems = video.stems[:: self.every]
        return video


def load_video(
    source: Path,
    settings: PageSettings,
    check: Callable[[], None],
    upload_name: str | None = None,
) -> PageVideo:
    """Read a video.

    Args:
        source: Video file or folder of frames.
        settings: Limits.
        check: Called before every frame; its error ends the reading.
        upload_name: Name of an upload, which is decoded in a process of its own.

    Raises:
        DataError: It is missing, damaged or not a video.
    """
    default_fps = 25.0
    limit, every = settings.max_frames * settings.every, settings.every
    is_upload = upload_name is not None
    with read_isolated(source, limit, every, check) if is_upload else read_video(source) as video:
        kept = video if is_upload else islice(video, 0, limit, every)
        spooled = SpooledFrames(_checked(_shrunk(kept, video.size, settings), check))
        fps = (video.fps or default_fps) / every
        name = upload_name or video.name
        return PageVideo(name, source, spooled, fps, every, video.length, is_upload, spooled.close)


def _checked(frames: Iterable[np.ndarray], check: Callable[[], None]) -> Iterator[np.ndarray]:
    for frame in frames:
        check()
        yield frame


def _shrunk(
    frames: Iterable[np.ndarray], full_size: tuple[int, int], settings: PageSettings
) -> Iterator[np.ndarray]:
    scale = min(1.0, settings.max_side / max(full_size))
    size = tuple(max(1, round(side * scale)) for side in full_size)
    for frame in frames:
        yield frame if scale == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
