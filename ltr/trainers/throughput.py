"""Timing of batches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")


class Throughput:
    """Times the batches of one run of a loader.

    ``wait_s`` and ``step_s`` are the seconds spent waiting for the last batch and on all of it,
    ``fps`` its samples per second.
    """

    def __init__(self) -> None:
        self.wait_s = self.step_s = self.fps = 0.0
        self._samples = 0
        self._started = self._asked = time.monotonic()

    def wait_for(self, batches: Iterator[Item]) -> Item:
        """Take the next batch."""
        self._asked = time.monotonic()
        batch = next(batches)
        self.wait_s = time.monotonic() - self._asked
        return batch

    def finish(self, samples: int) -> None:
        """Count a finished batch."""
        self.step_s = time.monotonic() - self._asked
        self.fps = samples / self.step_s
        self._samples += samples

    @property
    def mean_fps(self) -> float:
        """Samples per second since the start."""
        return self._samples / max(time.monotonic() - self._started, 1e-9)
