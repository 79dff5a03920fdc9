"""Reading small text files: lists of names, tables."""

from __future__ import annotations

import codecs
from pathlib import Path

from ltr.admin.errors import DataError
from ltr.admin.files import read_regular

_MAX_BYTES = 1 << 30
# Byte-order marks, which Windows programs put in front; that of UTF-32 begins like that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text(file: Path, what: str, encoding: str = "utf-8") -> str:
    """Read a text file.

    Args:
        file: The file.
        what: What it is, for errors: ``"the list of sequences"``.
        encoding: Encoding of the text, unless a byte-order mark declares another one.

    Raises:
        DataError: It is missing, too large, not a regular file, or has other characters.
    """
    try:
        content = read_regular(file, _MAX_BYTES)
        marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
        return content.decode(marked or encoding)
    except OSError as error:
        raise DataError(f"{what} {file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{what} {file} is not text: {error}; save it as {encoding.upper()}"
        ) from error


def read_names(file: Path, what: str) -> list[str]:
    """The words of a text file, at least one, see ``read_text``.

    Raises:
        DataError: It has none, or cannot be read.
    """
    text = read_text(file, what)
    if "\0" in text:
        raise DataError(f"{what} {file} holds null characters: save it as UTF-8")
    names = text.split()
    if not names:
        raise DataError(f"{what} {file} is empty")
    return names
