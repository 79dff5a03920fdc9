"""One interface over every kind of video: file, folder of frames, camera, frames in memory.

Frames come one by one, so the memory does not depend on the length of the video.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np

from ltr.admin.errors import DataError

_LOG = logging.getLogger(__name__)

VideoLike = str | os.PathLike[str] | int | Iterable[np.ndarray]


def _nothing() -> None:
    """Release of a source that holds nothing."""


@dataclass
class FrameSource:
    """A video that can be iterated once; also a context manager that closes it.

    Args:
        name: Name of the clip, for messages and result folders.
        frames: The frames in order, uint8 (H, W, 3) RGB, all of one size.
        size: (width, height) in pixels.
        fps: Frames per second (the mean where it varies), None when unknown.
        length: Number of frames as the container tells it, None when unknown.
        stems: File names of the frames without suffix, where the frames are files.
        files: These files.
        release: Called by ``close``.
    """

    name: str
    frames: Iterator[np.ndarray]
    size: tuple[int, int]
    fps: float | None = None
    length: int | None = None
    stems: Sequence[str] = ()
    files: Sequence[Path] = ()
    release: Callable[[], None] = field(default=_nothing, repr=False)

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.frames

    def __enter__(self) -> FrameSource:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def stem(self, index: int) -> str:
        """Name of a frame's result files: that of the frame's own file, else five digits."""
        return self.stems[index] if self.stems else f"{index:05d}"

    def close(self) -> None:
        """Release the file or camera."""
        self.release()


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


def checked_frames(
    frames: Iterable[np.ndarray], where: Callable[[int], str]
) -> tuple[Iterator[np.ndarray], tuple[int, int]]:
    """Read the first frame, and let the others pass only when they have its size.

    Args:
        frames: uint8 (H, W, 3) RGB.
        where: The words that name a frame in an error, from its index.

    Returns:
        All frames, and their (width, height).

    Raises:
        DataError: There is no frame.
    """
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise DataError(f"{where(0)} cannot be read: there is no frame")
    _check_form(first, where(0))
    size = (first.shape[1], first.shape[0])
    return _same_size(itertools.chain([first], iterator), size, where), size


def _same_size(
    frames: Iterator[np.ndarray], size: tuple[int, int], where: Callable[[int], str]
) -> Iterator[np.ndarray]:
    for index, frame in enumerate(frames):
        _check_form(frame, where(index))
        height, width = frame.shape[:2]
        if (width, height) != size:
            raise DataError(
                f"{where(index)} is {width}x{height}, the frames before it {size[0]}x{size[1]}"
            )
        yield frame


def _check_form(frame: np.ndarray, where: str) -> None:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
        raise DataError(f"{where}: expected uint8 (H, W, 3) RGB, got {frame.dtype} {frame.shape}")


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
        folder: Anything; what is no folder holds no clips.
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
