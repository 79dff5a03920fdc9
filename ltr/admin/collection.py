"""The search for cyclic garbage, which takes a fifth of the time in which libraries come and go."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache


@contextmanager
def collection_paused() -> Iterator[None]:
    """Import and build what stays until the end, without searching it for garbage again and again.

    Also decorates functions. Where the caller switched the search off, it stays off.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@cache
def end_without_collection() -> None:
    """Let this process end without searching all that it ever loaded: its memory goes anyway."""
    atexit.register(gc.freeze)
