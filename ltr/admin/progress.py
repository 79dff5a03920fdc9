"""A progress bar with speed, time left and memory, for everything longer than a few seconds."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

_MIB = 1 << 20
_MEMORY_STATE = Path("/proc/self/statm")


def process_memory_mb() -> float:
    """Resident memory of this process in MiB (its peak on macOS, not a number on Windows)."""
    if _MEMORY_STATE.exists():
        return int(_MEMORY_STATE.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MIB
    try:
        import resource
    except ImportError:
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB


class FrameProgress:
    """Counts frames and shows them on stderr; shows nothing when quiet or not at a terminal.

    Args:
        description: The words left of the bar.
        total: Number of frames, or None when unknown.
        quiet: Never show anything; also a quiet log (``set_up_logging``) shows nothing.
        unit: What is counted, for the speed.

    >>> with FrameProgress("segmenting", total=2, quiet=True) as progress:
    ...     progress.advance(2)
    >>> progress.frames
    2
    """

    def __init__(
        self, description: str, total: int | None = None, quiet: bool = False, unit: str = "frames"
    ) -> None:
        self.frames = 0
        self._started = time.perf_counter()
        is_shown = sys.stderr.isatty() and logging.getLogger().isEnabledFor(logging.INFO)
        self._bar = _make_bar(unit) if is_shown and not quiet else None
        if self._bar:
            self._task = self._bar.add_task(description, total=total, speed=0.0, memory=0.0)

    def __enter__(self) -> FrameProgress:
        self._started = time.perf_counter()
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, frames: int = 1) -> None:
        """Count ``frames`` more."""
        self.frames += frames
        if self._bar:
            self._bar.update(
                self._task,
                advance=frames,
                speed=self.frames_per_second,
                memory=process_memory_mb(),
            )

    @property
    def frames_per_second(self) -> float:
        """Mean over everything counted so far."""
        seconds = self.seconds
        return self.frames / seconds if seconds > 0 else 0.0

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.perf_counter() - self._started


def _make_bar(unit: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]:.1f} " + f"{unit}/s"),
        TimeLeft(),
        TextColumn("{task.fields[memory]:.0f} MiB"),
        console=Console(stderr=True),
    )
