"""Files of pictures as they lie on the disk; needs no library of images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ltr.admin.errors import DataError
from ltr.admin.files import read_regular

_MAX_BYTES = 1 << 30


class ContentError(DataError):
    """What is wrong with the content of a file; ``naming`` puts the file in front of it."""


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file whose content is decoded, where something is wrong with it.

    Raises:
        DataError: In place of a ``ContentError``.
    """
    try:
        yield
    except ContentError as error:
        raise DataError(f"{path} {error}") from error


def read_encoded(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a picture's file, not decoded.

    Raises:
        DataError: It is missing, empty, too large or cannot be read.
    """
    try:
        encoded = read_regular(path, _MAX_BYTES)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a zero byte, or half a character
        raise DataError(f"{str(path)!a} cannot be a file's name") from error
    if not encoded:
        raise DataError(f"{path} is an empty file")
    return encoded
