"""Names from annotation files that become parts of paths."""

from __future__ import annotations

import os
from pathlib import Path

from ltr.admin.errors import DataError

_LONGEST = 250  # bytes; file systems allow 255, and a suffix may come behind


def plain_name(name: object, file: Path) -> str:
    """A name of one file or folder.

    Args:
        name: Name as written in the file.
        file: Named in errors.

    Raises:
        DataError: It would lead out of its folder, or no file can have it.
    """
    if not isinstance(name, str) or Path(name).name != name or name == ".." or not _can_be(name):
        raise DataError(f"{file}: {name!r} is not a valid name of a video, sentence or frame")
    return name


def plain_path(name: object, file: Path) -> str:
    """A path below the folder of a data set, with backslashes as slashes; see ``plain_name``.

    Raises:
        DataError: It would lead out of its folder, or no file can have it.
    """
    if isinstance(name, str) and _can_be(name):
        name = name.replace("\\", "/")
        path = Path(name)
        if not path.is_absolute() and ".." not in path.parts:
            return name
    raise DataError(f"{file}: {name!r} is not a path inside the data set")


def _can_be(name: str) -> bool:
    """Whether a file system can hold a name or path: short parts, no null, text to be encoded."""
    try:
        encoded = os.fsencode(name)
    except UnicodeEncodeError:
        return False
    parts = encoded.replace(b"\\", b"/").split(b"/")
    return bool(name) and b"\0" not in encoded and max(map(len, parts)) <= _LONGEST
