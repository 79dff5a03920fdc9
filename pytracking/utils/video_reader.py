"""One interface over every kind of video: file, folder of frames, camera, frames in memory.

Frames come one by one, so the memory does not depend on the length of the video.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from pytracking.utils.frame_source import FrameSource, checked_frames

_LOG = logging.getLogger(__name__)

VideoLike = str | os.PathLike[str] | int | Iterable[np.ndarray]


def read_video(source: VideoLike) -> FrameSource:
    """Open a video of any kind.

    Args:
        source: A video file, a folder of pictures, the index of a camera, or an iterable of frames
            uint8 (H, W, 3) RGB.

    Returns:
        The opened video; its first frame has been read already.

    Raises:
        DataError: Nothing there, not a video, or no frame. Damage further on and frames of another
            size raise it during the iteration, naming the place.

    >>> video = read_video(np.zeros((3, 4, 6, 3), np.uint8))
    >>> video.size, video.length, [frame.shape for frame in video]
    ((6, 4), 3, [(4, 6, 3), (4, 6, 3), (4, 6, 3)])
    """
    if isinstance(source, int):
        from pytracking.utils.video_decoder import open_camera

        return open_camera(source)
    if not isinstance(source, str | os.PathLike):
        return _open_arrays(source)
    path = Path(source)
    if path.is_dir():
        return _open_folder(path)
    if not path.exists():
        raise DataError(f"{path} does not exist: expected a video file or a folder of frames")
    from pytracking.utils.video_decoder import open_file

    return open_file(path)


def _open_arrays(arrays: Iterable[np.ndarray]) -> FrameSource:
    frames, size = checked_frames(arrays, "frame {}".format)
    length = len(arrays) if hasattr(arrays, "__len__") else None
    return FrameSource("frames", frames, size, length=length)


def _open_folder(folder: Path) -> FrameSource:
    from ltr.data.frame_files import find_gap, list_frames, stem_of
    from ltr.data.image_io import read_image

    _refuse_clips(folder)
    names = list_frames(folder)
    gap = find_gap(names)
    if gap:
        _LOG.warning("%s: a frame seems to be missing between %s and %s", folder, *gap)
    paths = [folder / name for name in names]
    frames, size = checked_frames(map(read_image, paths), lambda index: str(paths[index]))
    stems = [stem_of(name) for name in names]
    return FrameSource(
        folder.resolve().name, frames, size, length=len(paths), stems=stems, files=paths
    )


def find_clips(folder: Path) -> list[Path]:
    """The clips of a folder, video files and folders; none where it holds frames itself.

    Args:
        folder: Any path; one that is not a folder yields no clips.
    """
    from ltr.data.image_io import IMAGE_SUFFIXES, VIDEO_SUFFIXES

    if not folder.is_dir():
        return []
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    if any(entry.suffix.lower() in IMAGE_SUFFIXES for entry in entries):
        return []
    return [entry for entry in entries if entry.is_dir() or entry.suffix.lower() in VIDEO_SUFFIXES]


def _refuse_clips(folder: Path) -> None:
    """Tell a folder of clips from a folder of frames."""
    clips = [clip.name for clip in find_clips(folder)]
    if clips:
        raise DataError(
            f"{folder} holds no frames but clips ({', '.join(clips[:3])}"
            f"{', ...' if len(clips) > 3 else ''}): name one of them"
        )
