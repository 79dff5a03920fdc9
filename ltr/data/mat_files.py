"""Reads arrays out of MATLAB's files of version 5, as far as annotations need it.

SciPy's reader crashes the process on damaged files. Here every length is checked before it is used.
The form: a header of 128 bytes, then elements of a type, a length and content; an array is an
element of elements (flags, sizes, name, values), a structure one with an array for every field.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import read_regular

_HEADER, _ENDIANNESS = 128, slice(126, 128)
_MATRIX, _COMPRESSED = 14, 15
_VALUES = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
_STRUCTURE = 2
_NUMERIC = range(6, 16)
_MAX_BYTES = 1 << 28


def read_mat(path: Path, variable: str, field: str | None = None) -> np.ndarray:
    """Read a numeric array, or such a field of a structure.

    Args:
        path: The file.
        variable: Name of the array or structure.
        field: Name of the structure's field.

    Returns:
        The values in the file's own type.

    Raises:
        DataError: The file is missing, damaged, of another version, or lacks the field.
    """
    try:
        content = read_regular(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        return _find(content, variable, field)
    except (ValueError, LookupError, struct.error, zlib.error) as error:
        raise DataError(f"{path} is damaged or no MATLAB file of version 5: {error}") from error


@dataclass(frozen=True)
class _Array:
    """The start of an array: its class, sizes and name, and the elements behind them."""

    kind: int
    shape: tuple[int, ...]
    name: str
    rest: Iterator[tuple[int, memoryview]]


def _find(content: bytes, variable: str, field: str | None) -> np.ndarray:
    order = {b"IM": "<", b"MI": ">"}.get(content[_ENDIANNESS])
    if order is None:
        raise ValueError("its header has no byte order")
    for kind, part in _elements(memoryview(content)[_HEADER:], order, is_padded=False):
        if kind == _COMPRESSED:
            kind, part = next(_elements(_inflated(part), order))
        if kind != _MATRIX:
            continue
        array = _open_array(part, order)
        if array.name == variable:
            return _numbers(_field(array, field, order) if field else array, order)
    raise LookupError(f"there is no {variable}")


def _inflated(packed: memoryview) -> memoryview:
    stream = zlib.decompressobj()
    content = stream.decompress(packed, _MAX_BYTES)
    if not stream.eof:
        raise ValueError("its compressed content is incomplete or too long")
    return memoryview(content)


def _elements(
    content: memoryview, order: str, is_padded: bool = True
) -> Iterator[tuple[int, memoryview]]:
    """Type and content of every element; elements inside an array fill multiples of 8 bytes."""
    position = 0
    while position < len(content):
        kind, length = struct.unpack_from(f"{order}II", content, position)
        start = position + 8
        following = start + length + (-length % 8 if is_padded else 0)
        if kind >> 16:  # up to four bytes stand in the place of the length
            kind, length, start, following = kind & 0xFFFF, kind >> 16, position + 4, start
        end = start + length
        if end > min(following, len(content)):
            raise ValueError("an element is longer than the file")
        yield kind, content[start:end]
        position = following


def _open_array(content: memoryview, order: str) -> _Array:
    rest = _elements(content, order)
    try:
        (_, flags), (_, sizes), (_, name) = next(rest), next(rest), next(rest)
    except StopIteration:
        raise ValueError("an array has no beginning") from None
    shape = tuple(int(side) for side in np.frombuffer(sizes, f"{order}i4"))
    if len(shape) < 2 or min(shape) < 0:
        raise ValueError(f"an array of {shape} values")
    kind = struct.unpack_from(f"{order}I", flags)[0] & 0xFF
    return _Array(kind, shape, bytes(name).decode("latin-1"), rest)


def _field(array: _Array, field: str, order: str) -> _Array:
    (_, width), (_, names) = next(array.rest, (0, b"")), next(array.rest, (0, b""))
    step = int(np.frombuffer(width, f"{order}i4")[0])
    if array.kind != _STRUCTURE or step < 1 or math.prod(array.shape) != 1:
        raise ValueError(f"{array.name} is not a structure")
    text = bytes(names).decode("latin-1")
    fields = [text[place : place + step].split("\0")[0] for place in range(0, len(text), step)]
    place = fields.index(field)
    for number, (kind, content) in enumerate(array.rest):
        if number == place and kind == _MATRIX:
            return _open_array(content, order)
    raise LookupError(f"there is no field {field}")


def _numbers(array: _Array, order: str) -> np.ndarray:
    """The values of a numeric array; they may be stored in a smaller type than the array's."""
    kind, content = next(array.rest, (0, b""))
    if array.kind not in _NUMERIC or kind not in _VALUES:
        raise ValueError("its field holds no numbers")
    values = np.frombuffer(content, order + _VALUES[kind])
    if len(values) != math.prod(array.shape):
        raise ValueError(f"{len(values)} values for an array of {array.shape}")
    return values.reshape(array.shape, order="F")
