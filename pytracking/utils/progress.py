"""A progress bar with frames per second, time left and memory."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

_MIB = 1 << 20
_MEMORY_STATE = Path("/proc/self/statm")


def process_memory_mb() -> float:
    """Resident memory of this process in MiB (its peak where the system tells nothing else)."""
    if _MEMORY_STATE.exists():
        return int(_MEMORY_STATE.read_text().split()[1]) * resource.getpagesize() / _MIB
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MIB


class FrameProgress:
    """Counts frames and shows them on stderr; shows nothing when quiet or not at a terminal.

    Args:
        description: The words left of the bar.
        total: Number of frames, or None when unknown.
        quiet: Never show anything.

    >>> with FrameProgress("segmenting", total=2, quiet=True) as progress:
    ...     progress.advance(2)
    >>> progress.frames
    2
    """

    def __init__(self, description: str, total: int | None = None, quiet: bool = False) -> None:
        self.frames = 0
        self._started = time.perf_counter()
        self._bar = None if quiet or not sys.stderr.isatty() else _make_bar()
        if self._bar:
            self._task = self._bar.add_task(description, total=total, fps=0.0, memory=0.0)

    def __enter__(self) -> FrameProgress:
        self._started = time.perf_counter()
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, frames: int = 1) -> None:
        """Count ``frames`` more."""
        self.frames += frames
        if self._bar:
            self._bar.update(
                self._task,
                advance=frames,
                fps=self.frames_per_second,
                memory=process_memory_mb(),
            )

    @property
    def frames_per_second(self) -> float:
        """Mean over everything counted so far."""
        elapsed = time.perf_counter() - self._started
        return self.frames / elapsed if elapsed > 0 else 0.0


def _make_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]:.1f} fps"),
        TimeLeft(),
        TextColumn("{task.fields[memory]:.0f} MiB"),
        console=Console(stderr=True),
    )
