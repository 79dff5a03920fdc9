"""The progress bar of everything that takes longer than a few seconds."""

from __future__ import annotations

import logging
import resource
import sys
from types import TracebackType


class ProgressBar:
    """A bar on stderr with count, speed, memory and time left; a context manager.

    Nothing is drawn when stderr is no terminal or the log is quiet.

    Args:
        total: Number of units.
        description: What is going on, a few words.
        unit: What is counted.
    """

    def __init__(self, total: int, description: str, unit: str = "frames") -> None:
        from rich import progress
        from rich.console import Console

        shows = sys.stderr.isatty() and logging.getLogger().isEnabledFor(logging.INFO)
        self._unit = unit
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[note]}"),
            progress.TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not shows,
        )
        self._task = self._bar.add_task(description, total=total, note="")

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def describe(self, description: str) -> None:
        """Say what is going on now."""
        self._bar.update(self._task, description=description)

    def advance(self, amount: int = 1) -> None:
        """Count ``amount`` finished units and refresh speed and memory."""
        self._bar.advance(self._task, amount)
        if self._bar.disable:
            return
        speed = self._bar.tasks[self._task].speed or 0.0
        note = f"{speed:.1f} {self._unit}/s  {memory_in_use() / 2**30:.1f} GiB"
        self._bar.update(self._task, note=note)


def memory_in_use() -> int:
    """Bytes that this process holds: on the GPU once one is used, else in main memory."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return int(torch.cuda.memory_reserved())
    try:
        with open("/proc/self/statm") as pages:
            return int(pages.read().split()[1]) * resource.getpagesize()
    except OSError:  # not Linux: the largest value so far
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
