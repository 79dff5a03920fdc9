"""Memory of this process; its peak is known on Linux only."""

from __future__ import annotations

import ctypes
import gc
import math
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def resident_mib() -> float:
    """Memory in use now, after returning what the allocator only keeps for later."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return _read("VmRSS:")


def reset_peak() -> None:
    """Forget the peak so far, where the system can do that."""
    with suppress(OSError):
        _CLEAR.write_text("5")


def peak_mib() -> float:
    """Largest memory in use since ``reset_peak``; NaN where the system does not tell."""
    try:
        return _read("VmHWM:")
    except OSError:
        return math.nan


def _read(field: str) -> float:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise OSError(f"{_STATUS} has no {field}")
