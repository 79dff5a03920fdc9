"""Output whose reader may go away: ``run_tracker.py ... | head`` must not end a long run."""

from __future__ import annotations

import io
import os
import stat
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _PipeWriter(io.FileIO):
    """Writes to a pipe; what nobody reads any more is dropped."""

    def write(self, data: ReadableBuffer) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes


def survive_closed_pipes() -> None:
    """Let the process continue when the reader of its stdout or stderr ends."""
    sys.stdout = _surviving(sys.stdout)
    sys.stderr = _surviving(sys.stderr)


def _surviving(stream: TextIO) -> TextIO:
    if stream not in (sys.__stdout__, sys.__stderr__) or not _is_pipe(stream):
        return stream  # a test's, a notebook's, a file, a terminal, or changed before
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_PipeWriter(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
    )


def _is_pipe(stream: TextIO) -> bool:
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
