"""How far a propagation is, for the page to ask while it runs."""

from __future__ import annotations

import time
from typing import Any


class Progress:
    """Counts frames; one thread works, another one looks.

    Args:
        total: Frames that the work has, about.
    """

    def __init__(self, total: int) -> None:
        self.total = max(total, 1)
        self.frames: list[int] = []
        self._done = 0
        self._started = time.monotonic()

    def tick(self) -> None:
        """One more frame is done."""
        self._done += 1

    def show(self, frame: int) -> None:
        """One more frame is done, and its mask can be seen."""
        self.frames.append(frame)
        self._done = max(self._done, len(self.frames))

    def describe(self, since: int) -> dict[str, Any]:
        """What has come since the page asked last, JSON-like.

        Args:
            since: Number of frames that the page knows of.
        """
        seconds = time.monotonic() - self._started
        done = min(self._done, self.total)
        left = seconds / done * (self.total - done) if done else None
        return {
            "done": done,
            "total": self.total,
            "left": left,
            "frames": self.frames[since:],
            "seen": len(self.frames),
        }
