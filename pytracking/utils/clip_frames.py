"""The frames of a clip in any order, with little memory: from picture files, or a decoded video."""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.image_io import read_image
from pytracking.utils.staging import translate_write_errors

_CACHED_FRAMES = 4
_SPOOL_BYTES = 256 << 20


class LazyFrames(Sequence[np.ndarray]):
    """Frames that are read when they are asked for; the last ones are kept."""

    def __init__(self) -> None:
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()

    def __getitem__(self, position: int) -> np.ndarray:
        """One frame, uint8 (H, W, 3) RGB.

        Raises:
            DataError: It is missing, damaged or of another size than the first.
        """
        index = range(len(self))[position]
        if index not in self._cache:
            self._cache[index] = self._read(index)
        self._cache.move_to_end(index)
        if len(self._cache) > _CACHED_FRAMES:
            self._cache.popitem(last=False)
        return self._cache[index]

    def _read(self, index: int) -> np.ndarray:
        raise NotImplementedError


class FileFrames(LazyFrames):
    """Frames that are picture files.

    Args:
        paths: At least one.
        shape: (H, W) that all must have; that of the first where None.
    """

    def __init__(self, paths: Sequence[Path], shape: tuple[int, int] | None = None) -> None:
        super().__init__()
        self._paths = paths
        self.shape = shape or read_image(paths[0]).shape[:2]

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

    All are decoded at the start; what exceeds 256 MiB lies in a temporary file that has no name
    and ends with the process. A context manager.

    Args:
        frames: uint8 (H, W, 3) RGB, all of one size, at least one.

    Raises:
        DataError: The video is damaged.
        OutputError: The folder of temporary files (``TMPDIR``) is full.
    """

    def __init__(self, frames: Iterable[np.ndarray]) -> None:
        super().__init__()
        self._length = 0
        self._form: tuple[int, ...] = ()
        with ExitStack() as stack:
            self._file = stack.enter_context(tempfile.SpooledTemporaryFile(_SPOOL_BYTES))
            for frame in frames:
                self._form = frame.shape
                with translate_write_errors(Path(tempfile.gettempdir())):
                    self._file.write(np.ascontiguousarray(frame))
                self._length += 1
            stack.pop_all()

    def __enter__(self) -> SpooledFrames:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._length

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of the frames."""
        return self._form[:2]

    def _read(self, index: int) -> np.ndarray:
        size = int(np.prod(self._form))
        self._file.seek(index * size)
        return np.frombuffer(self._file.read(size), np.uint8).reshape(self._form)
