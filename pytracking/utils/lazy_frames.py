"""The frames of a video in any order, with little memory: pictures, a decoded video, or arrays."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import overload

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.image_io import read_image
from pytracking.utils.staging import translate_write_errors

_CACHED_FRAMES = 4
_SPOOL_BYTES = 256 << 20


class LazyFrames(Sequence[np.ndarray]):
    """Frames that are read when they are asked for; the last ones are kept.

    Args:
        shape: (H, W) of every frame, pixels.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    @overload
    def __getitem__(self, position: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, position: slice) -> list[np.ndarray]: ...
    def __getitem__(self, position: int | slice) -> np.ndarray | list[np.ndarray]:
        """One frame, uint8 (H, W, 3) RGB; a list of frames for a slice.

        Raises:
            DataError: A frame is missing, damaged or of another size than the first.
        """
        chosen = range(len(self))[position]
        return (
            [self._frame(i) for i in chosen] if isinstance(chosen, range) else self._frame(chosen)
        )

    def _frame(self, index: int) -> np.ndarray:
        with self._lock:
            if index not in self._cache:
                self._cache[index] = self._read(index)
            self._cache.move_to_end(index)
            if len(self._cache) > _CACHED_FRAMES:
                self._cache.popitem(last=False)
            return self._cache[index]

    def _read(self, index: int) -> np.ndarray:
        raise NotImplementedError

    def reaches(self, index: int) -> bool:
        """Whether there is a frame of this number; one that comes later is waited for."""
        return index < len(self)


class ArrayFrames(LazyFrames):
    """Frames in memory.

    Args:
        arrays: uint8 (H, W, 3) RGB, all of one size, at least one.

    Raises:
        DataError: There is none.
    """

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        if not len(arrays):
            raise DataError("a video must have at least one frame")
        super().__init__(arrays[0].shape[:2])
        self._arrays = arrays

    def __len__(self) -> int:
        return len(self._arrays)

    def _read(self, index: int) -> np.ndarray:
        image = self._arrays[index]
        if image.dtype != np.uint8 or image.shape != (*self.shape, 3):
            raise DataError(
                f"frame {index}: expected uint8 {self.shape} RGB like the first one, "
                f"got {image.dtype} {image.shape}"
            )
        return image


class FileFrames(LazyFrames):
    """Frames that are picture files.

    Args:
        paths: At least one.
        shape: (H, W) that all must have; that of the first where None.
    """

    def __init__(self, paths: Sequence[Path], shape: tuple[int, int] | None = None) -> None:
        super().__init__(shape or read_image(paths[0]).shape[:2])
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def _read(self, index: int) -> np.ndarray:
        image = read_image(self._paths[index])
        if image.shape[:2] != self.shape:
            height, width = self.shape
            raise DataError(
                f"{self._paths[index]} is {image.shape[1]}x{image.shape[0]}, the clip "
                f"{width}x{height}"
            )
        return image


class SpooledFrames(LazyFrames):
    """Frames of a video that can be decoded only once and in order.

    What exceeds 256 MiB lies in a temporary file that has no name and ends with the process. A
    context manager.

    Args:
        frames: uint8 (H, W, 3) RGB, all of one size, at least one.
        is_stream: Decode a frame when it is asked for, and not all at the start; the length then
            counts the frames so far.

    Raises:
        DataError: The video is damaged.
        OutputError: The folder of temporary files (``TMPDIR``) is full.
    """

    def __init__(self, frames: Iterable[np.ndarray], is_stream: bool = False) -> None:
        super().__init__((0, 0))
        self._length = 0
        self._source = iter(frames)
        with ExitStack() as stack:
            self._file = stack.enter_context(tempfile.SpooledTemporaryFile(_SPOOL_BYTES))
            while self._take() and not is_stream:
                pass
            stack.pop_all()

    def reaches(self, index: int) -> bool:
        """See ``LazyFrames.reaches``."""
        while index >= self._length:
            if not self._take():
                return False
        return True

    def _take(self) -> bool:
        """Keep the next frame; False where there is none."""
        frame = next(self._source, None)
        if frame is None:
            return False
        self.shape = frame.shape[:2]
        with translate_write_errors(Path(tempfile.gettempdir())):
            self._file.seek(0, os.SEEK_END)
            self._file.write(np.ascontiguousarray(frame).data)
        self._length += 1
        return True

    def close(self) -> None:
        """Drop all frames."""
        self._file.close()

    def __enter__(self) -> SpooledFrames:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._length

    def _read(self, index: int) -> np.ndarray:
        height, width = self.shape
        size = height * width * 3
        self._file.seek(index * size)
        pixels = np.frombuffer(bytearray(self._file.read(size)), np.uint8)
        return pixels.reshape(height, width, 3)
