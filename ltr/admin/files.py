"""Files that are whole or absent: everything is written beside its final name and then renamed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

TEMPORARY_SUFFIX = ".partial"


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
    handle, temporary = tempfile.mkstemp(TEMPORARY_SUFFIX, f".{target.name}.", target.parent)
    try:
        os.chmod(temporary, 0o666 & ~_umask())
        with os.fdopen(handle, mode, encoding=None if "b" in mode else "utf-8") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The process's file-creation mask, which ``mkstemp`` ignores."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def file_checksum(path: str | os.PathLike[str], kind: str = "sha256") -> str:
    """Checksum of a file in hexadecimal digits, read piece by piece."""
    digest = hashlib.new(kind)
    with open(path, "rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
