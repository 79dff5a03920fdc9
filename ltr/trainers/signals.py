"""Ending a run in an orderly way when the system or the user asks for it."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGTERM", "SIGINT", "SIGUSR1", "SIGHUP")
    if hasattr(signal, name)
)


class StopRequest:
    """Notes the first SIGTERM, SIGINT, SIGUSR1 or SIGHUP; a second one acts as usual.

    A signal that the process was started to ignore, as ``nohup`` does with SIGHUP, stays ignored. A
    context manager; the earlier handlers are back after it. Outside the main thread it does
    nothing, since Python delivers signals only there.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._handlers: dict[int, Any] = {}  # as the signal module hands them out

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._handlers = {
                number: signal.signal(number, self._note)
                for number in _SIGNALS
                if signal.getsignal(number) != signal.SIG_IGN
            }
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}


class TrainingStopped(Exception):
    """A signal ended the run early, after a checkpoint.

    Args:
        number: The signal; the process should exit with 128 + number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number
