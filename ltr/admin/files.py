"""Files that are whole or absent, and reading that neither waits nor fills the memory.

Everything is written beside its final name and then renamed. Only regular files are read: a pipe
would be waited for, a device may never end.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

TEMPORARY_SUFFIX = ".partial"
_MAX_BYTES = 4 << 30
_NAME_PART = 40  # characters of a name that its temporary file repeats: names have a longest length
# Opening a pipe must not wait for its other end; Windows knows neither of the two.
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_WRITE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO]:
    """Open a temporary file that replaces ``path`` when the block ends without an error.

    Args:
        path: Final name; missing parent folders are created.
        mode: ``"wb"`` or ``"w"`` (UTF-8).

    Raises:
        OSError: The folder cannot be written; ``path`` is then as it was before.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(
        f".{target.name[:_NAME_PART]}.{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"
    )
    # Not mkstemp, whose files only their owner may read. The mask of the process is not asked for
    # either: that is done by setting it, for all threads.
    handle = os.open(temporary, _WRITE_FLAGS, 0o666)
    try:
        with os.fdopen(handle, mode, encoding=None if "b" in mode else "utf-8") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading, following links; a pipe or device is refused at once.

    Args:
        path: The file.

    Raises:
        OSError: It is missing, a folder, or not a regular file.
    """
    handle = os.open(path, _READ_FLAGS)
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "Not a regular file (a pipe or device)", os.fspath(path))
    except BaseException:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


def read_regular(path: str | os.PathLike[str], max_bytes: int = _MAX_BYTES) -> bytes:
    """The content of a file, see ``open_regular``.

    Args:
        path: The file.
        max_bytes: What it may hold at most.

    Raises:
        OSError: It cannot be opened, or is larger.
    """
    with open_regular(path) as stream:
        if os.fstat(stream.fileno()).st_size > max_bytes:
            raise OSError(errno.EFBIG, f"Larger than {max_bytes >> 20} MiB", os.fspath(path))
        return stream.read()


def check_regular(path: str | os.PathLike[str]) -> None:
    """Make sure that a library that opens files itself gets a regular one.

    Raises:
        OSError: See ``open_regular``.
    """
    open_regular(path).close()


def file_checksum(path: str | os.PathLike[str], kind: str = "sha256") -> str:
    """Checksum of a file in hexadecimal digits, read piece by piece."""
    digest = hashlib.new(kind)
    with open_regular(path) as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
