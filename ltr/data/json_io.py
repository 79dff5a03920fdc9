"""Reading and writing annotation files in JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write, read_regular


def read_json(file: Path) -> Any:
    """Read a JSON file.

    Raises:
        DataError: It is missing, too large, or no JSON.
    """
    try:
        return json.loads(read_regular(file))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not a JSON file: {error}") from error


@contextmanager
def translate_json_errors(what: object, expected: str) -> Iterator[None]:
    """Turn what parsing content of another form raises into one sentence.

    Args:
        what: The file, or other words for the content.
        expected: Description of the expected content, for the message.

    Raises:
        DataError: The block found an entry missing, or of another type or value than it needs.
    """
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(f"{what} is damaged ({error!r}): expected {expected}") from error


def finite_number(value: object) -> float:
    """A number of a JSON file, whose reader also takes NaN and infinity.

    Raises:
        ValueError: It is text, NaN, infinite or of another type.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)


def write_json(file: Path, content: Any) -> None:
    """Write a JSON file without line breaks, atomically.

    Raises:
        OSError: The folder cannot be written.
    """
    with atomic_write(file, "w") as stream:
        json.dump(content, stream)
        stream.write("\n")
