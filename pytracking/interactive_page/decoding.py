"""Decoding of uploads in a process of its own, whose memory and time are limited.

A hole in a decoder, or a file made to fill the memory, then ends that process and not the page. It
writes one line of JSON, then a byte and the pixels for every frame, a byte for the end.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from ltr.admin.errors import DataError, ToolkitError
from ltr.data.video_container import MAX_PIXELS
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.video_reader import read_video

MAX_DATA_BYTES = 2 << 30
MAX_CPU_S, MAX_WAIT_S = 300, 600.0
_FRAME, _ERROR, _END = b"F", b"E", b"."
_MAX_LINE = 1 << 16
_POLL_S = 0.2
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]


def read_isolated(path: Path, limit: int, every: int, check: Callable[[], None]) -> FrameSource:
    """Open an untrusted video file; like ``read_video``, but nothing is decoded in this process.

    Args:
        path: The file.
        limit: Largest number of frames of the file that are looked at.
        every: Every so many frames are given, beginning with the first.
        check: Called while waiting; its error ends the other process.

    Raises:
        DataError: It is not a video, is damaged, or needs more memory or time than allowed. Damage
            further on raises it during the iteration.
    """
    words = [sys.executable, "-m", __name__, str(path), str(limit), str(every)]
    search = os.pathsep.join(filter(None, (str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH"))))
    child = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": search, "MALLOC_ARENA_MAX": "2"},
        bufsize=0,
    )
    reader = _Reader(child, path, check)
    try:
        head = reader.line()
        size, fps, length = _checked_head(head, path)
    except BaseException:
        reader.close()
        raise
    frames = reader.frames(size)
    return FrameSource(path.stem, frames, size, fps=fps, length=length, release=reader.close)


def _checked_head(head: Any, path: Path) -> tuple[tuple[int, int], float | None, int | None]:
    try:
        width, height = map(int, head["size"])
        fps = None if head["fps"] is None else float(head["fps"])
        length = None if head["length"] is None else int(head["length"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} cannot be decoded") from error
    if min(width, height) < 1 or width * height > MAX_PIXELS:
        raise DataError(f"{path} has frames of {width}x{height} pixels, more than {MAX_PIXELS}")
    return (width, height), fps, length


class _Reader:
    """Reads what the other process writes, and never waits without looking at ``check``."""

    def __init__(self, child: subprocess.Popen[bytes], path: Path, check: Callable[[], None]):
        assert child.stdout is not None
        self._child, self._pipe, self._path, self._check = child, child.stdout, path, check
        self._end = time.monotonic() + MAX_WAIT_S

    def line(self) -> Any:
        """One line of JSON; an error that it reports is raised."""
        text = bytearray()
        while not text.endswith(b"\n"):
            text += self._bytes(1)
            if len(text) > _MAX_LINE:
                raise DataError(f"{self._path} cannot be decoded")
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self._path} cannot be decoded") from error
        if isinstance(record, dict) and "error" in record:
            raise DataError(str(record["error"]))
        return record

    def frames(self, size: tuple[int, int]) -> Iterator[np.ndarray]:
        """All frames, uint8 (H, W, 3) RGB."""
        width, height = size
        while (kind := self._bytes(1)) == _FRAME:
            pixels = np.frombuffer(self._bytes(width * height * 3), np.uint8)
            yield pixels.reshape(height, width, 3)
        if kind != _END:
            self.line()
            raise DataError(f"{self._path} cannot be decoded")

    def close(self) -> None:
        """End the other process."""
        self._child.kill()
        self._child.wait()
        self._pipe.close()

    def _bytes(self, count: int) -> bytearray:
        content = bytearray(count)
        view, position = memoryview(content), 0
        while position < count:
            while not select.select([self._pipe], [], [], _POLL_S)[0]:
                self._check()
                if time.monotonic() > self._end:
                    raise DataError(f"{self._path} took longer than {MAX_WAIT_S:.0f} s to decode")
            got = os.readv(self._pipe.fileno(), [view[position:]])
            if not got:
                raise DataError(
                    f"{self._path} cannot be decoded with {MAX_DATA_BYTES >> 20} MiB of memory "
                    f"and {MAX_CPU_S} s"
                )
            position += got
        self._check()
        return content


def main(argv: Sequence[str]) -> None:
    """Be the other process: file, largest number of frames, step."""
    path, limit, every = Path(argv[0]), int(argv[1]), int(argv[2])
    _limit_resources()
    pipe = sys.stdout.buffer
    is_begun = False
    try:
        with read_video(path) as video:
            head = {"size": video.size, "fps": video.fps, "length": video.length}
            _write_line(pipe, head)
            is_begun = True
            for frame in islice(video, 0, limit, every):
                pipe.write(_FRAME)
                pipe.write(np.ascontiguousarray(frame).data)
            pipe.write(_END)
    except (ToolkitError, MemoryError) as error:
        if is_begun:
            pipe.write(_ERROR)
        _write_line(pipe, {"error": str(error) or "out of memory"})
    pipe.flush()


def _write_line(pipe: IO[bytes], record: object) -> None:
    pipe.write(json.dumps(record).encode() + b"\n")


def _limit_resources() -> None:
    with suppress(ImportError):
        import resource

        for kind, limit in (
            (resource.RLIMIT_DATA, MAX_DATA_BYTES),
            (resource.RLIMIT_CPU, MAX_CPU_S),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
        ):
            with suppress(ValueError, OSError):
                resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    main(sys.argv[1:])
