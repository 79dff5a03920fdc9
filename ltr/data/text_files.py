"""Reading small text files: lists of names, tables."""

from __future__ import annotations

from pathlib import Path

from ltr.admin.errors import DataError
from ltr.admin.files import read_regular

_MAX_BYTES = 1 << 30


def read_text(file: Path, what: str, encoding: str = "utf-8") -> str:
    """Read a text file.

    Args:
        file: The file.
        what: What it is, for errors: ``"the list of sequences"``.
        encoding: Of its characters.

    Raises:
        DataError: It is missing, too large, not a regular file, or has other characters.
    """
    try:
        return read_regular(file, _MAX_BYTES).decode(encoding)
    except OSError as error:
        raise DataError(f"{what} {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{what} {file} is not text: {error}") from error


def read_names(file: Path, what: str) -> list[str]:
    """The words of a text file, at least one, see ``read_text``.

    Raises:
        DataError: It has none, or cannot be read.
    """
    names = read_text(file, what).split()
    if not names:
        raise DataError(f"{what} {file} is empty")
    return names
