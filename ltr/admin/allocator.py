"""Keeps freed memory in the process, so that the next frame does not fault its pages in again.

By default the C library maps every large tensor anew and gives it back when it is freed: the kernel
then clears the same pages for every frame. The environment variable ``VOS_KEEP_MEMORY`` set to
``0`` leaves the C library as it is.
"""

from __future__ import annotations

import os

from ltr.admin.errors import ConfigError

VARIABLE = "VOS_KEEP_MEMORY"
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -2, -4, -8  # of <malloc.h>
_TOP_PAD_BYTES = 256 * 2**20
_NEVER = 2**31 - 1  # bytes; the largest that ``mallopt`` takes
_CHOICES = {"": True, "0": False, "1": True}


def keep_memory() -> bool:
    """Make the allocator of this process keep what is freed; results do not change.

    Returns:
        Whether it does now: not where the variable says no, and not without glibc.

    Raises:
        ConfigError: The variable is neither 0 nor 1.
    """
    text = os.environ.get(VARIABLE, "")
    if text not in _CHOICES:
        raise ConfigError(f"{VARIABLE}={text}: expected 0 or 1")
    import ctypes
    import platform

    if not _CHOICES[text] or platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    settings = (
        (_M_MMAP_MAX, 0),
        (_M_TRIM_THRESHOLD, _NEVER),
        (_M_TOP_PAD, _TOP_PAD_BYTES),
        (_M_ARENA_MAX, 1),  # what one thread frees another one takes
    )
    return all(mallopt(name, value) == 1 for name, value in settings)


def give_free_memory_back() -> None:
    """Give the system what this process keeps but does not use; without glibc nothing happens."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
