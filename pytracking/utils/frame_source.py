"""A video of whatever kind as frames that come one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ltr.admin.errors import DataError
from pytracking.utils.lazy_frames import LazyFrames


class BrokenVideoError(DataError):
    """A video ends in damage after at least one good frame."""


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
        length: Number of frames declared by the container; None if unknown.
        stems: File names of the frames without suffix, where the frames are files.
        pictures: The frames in any order, where they are files.
        pixel_aspect: Width of a pixel by its height, None when square.
        release: Function that ``close`` calls.
        count_dropped: Gives the number of frames that came too late and were left out.

    Attributes:
        failure: Why the video ended early, after ``end_at_damage``; empty while it has not.
    """

    name: str
    frames: Iterator[np.ndarray]
    size: tuple[int, int]
    fps: float | None = None
    length: int | None = None
    stems: Sequence[str] = ()
    pictures: LazyFrames | None = None
    pixel_aspect: Fraction | None = None
    release: Callable[[], None] = field(default=_nothing, repr=False)
    count_dropped: Callable[[], int] = field(default=int, repr=False)
    failure: str = field(default="", init=False)

    def __iter__(self) -> Iterator[np.ndarray]:
        return self.frames

    def __enter__(self) -> FrameSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stem(self, index: int) -> str:
        """Name of a frame's result files: that of the frame's own file, else five digits."""
        return self.stems[index] if self.stems else f"{index:05d}"

    def end_at_damage(self) -> FrameSource:
        """Let damage after a good frame end the video, so that what is made of it can be kept."""
        self.frames = self._until_damage(self.frames)
        return self

    def _until_damage(self, frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        try:
            yield from frames
        except BrokenVideoError as error:
            self.failure = str(error)

    def close(self) -> None:
        """Release the file or camera."""
        self.release()


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
        raise DataError(f"{where(0)} cannot be read: the video has no frame")
    _check_form(first, where, 0)
    size = (first.shape[1], first.shape[0])
    return _same_size(itertools.chain([first], iterator), size, where), size


def _same_size(
    frames: Iterator[np.ndarray], size: tuple[int, int], where: Callable[[int], str]
) -> Iterator[np.ndarray]:
    for index, frame in enumerate(frames):
        _check_form(frame, where, index)
        height, width = frame.shape[:2]
        if (width, height) != size:
            raise DataError(
                f"{where(index)} is {width}x{height}, the frames before it {size[0]}x{size[1]}"
            )
        yield frame


def _check_form(frame: np.ndarray, where: Callable[[int], str], index: int) -> None:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or not frame.size:
        raise DataError(
            f"{where(index)}: expected uint8 (H, W, 3) RGB, got {frame.dtype} {frame.shape}"
        )
