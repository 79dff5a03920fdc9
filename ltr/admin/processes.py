"""Processes that work for this one: they leave signals to it, end with it, and can be ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection
from multiprocessing.process import BaseProcess
from typing import Any

_TERMINATE_S, _KILL_S = 2.0, 5.0


def start_worker(initializer: Callable[..., None] | None = None, *arguments: Any) -> None:
    """Begin a worker process: leave Ctrl-C to the main process, and end together with it.

    Args:
        initializer: Function that is called afterwards.
        *arguments: Its arguments.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    if initializer is not None:
        initializer(*arguments)


def _exit_with_parent() -> None:
    """A killed main process cannot end the others, which would wait for jobs for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def end_processes(processes: Collection[BaseProcess]) -> None:
    """End processes, also such as ignore SIGTERM; none is waited for without a limit."""
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(_TERMINATE_S)
    for process in processes:
        process.kill()
    for process in processes:
        process.join(_KILL_S)
