"""Decompression of PNG data: with libdeflate where the system has it, else with Python's zlib.

Both give the same bytes; libdeflate is a common system library (``libdeflate0``) and several times
faster on masks, whose decompression is the largest part of an evaluation.
"""

from __future__ import annotations

import ctypes
import zlib
from collections.abc import Callable
from functools import lru_cache

import numpy as np

_SMALL = 1 << 18  # bytes that expand to 256 MiB at most; more might be made to fill the memory
_LIBRARIES = ("libdeflate.so.0", "libdeflate.0.dylib", "deflate.dll")


def inflate(packed: bytes, size: int) -> np.ndarray:
    """Decompress a zlib stream whose length is known.

    Args:
        packed: The stream.
        size: Number of bytes that it must give.

    Returns:
        uint8 (size,), maybe not writable.

    Raises:
        ValueError: The stream is damaged or gives another number of bytes.

    >>> inflate(zlib.compress(bytes([1, 2])), 2).tolist()
    [1, 2]
    """
    fast = _libdeflate()
    return fast(packed, size) if fast else inflate_with_zlib(packed, size)


def inflate_with_zlib(packed: bytes, size: int) -> np.ndarray:
    """The form that needs nothing but Python; see ``inflate``."""
    try:
        data = _decompress(packed, size)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(data) != size:
        raise ValueError(f"the image data does not have {size} bytes")
    return np.frombuffer(data, np.uint8)


def _decompress(packed: bytes, size: int) -> bytes:
    if len(packed) <= _SMALL:
        return zlib.decompress(packed, bufsize=size)
    stream = zlib.decompressobj()
    data = stream.decompress(packed, size + 1)  # one more, to see a stream that is too long
    if not stream.eof:
        raise zlib.error("the image data is incomplete or too long")
    return data


@lru_cache(maxsize=1)
def _libdeflate() -> Callable[[bytes, int], np.ndarray] | None:
    """The library's decompressor, or None when it is not installed."""
    for name in _LIBRARIES:
        try:
            return _bind(ctypes.CDLL(name))
        except (OSError, AttributeError):
            continue
    return None


def _bind(library: ctypes.CDLL) -> Callable[[bytes, int], np.ndarray]:
    allocate = library.libdeflate_alloc_decompressor
    allocate.restype = ctypes.c_void_p
    decompress = library.libdeflate_zlib_decompress
    decompress.argtypes = [
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_void_p,
    ]
    decompressor = allocate()

    def inflate_fast(packed: bytes, size: int) -> np.ndarray:
        data = np.empty(size, np.uint8)
        # Without a place for the number of bytes written, any other length than size is an error.
        status = decompress(decompressor, packed, len(packed), data.ctypes.data, size, None)
        if status:
            raise ValueError(f"the image data is damaged or does not have {size} bytes")
        return data

    return inflate_fast
