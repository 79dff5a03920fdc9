"""Spreads jobs over processes and gives the results back in order."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from ltr.admin.errors import OutputError

_CHUNKS_A_PROCESS = 16  # few messages, and no long wait for the last process

Job = TypeVar("Job")
Result = TypeVar("Result")


def map_in_order(
    work: Callable[[Job], Result], jobs: Sequence[Job], threads: int
) -> Iterator[Result]:
    """Apply a function to jobs.

    Args:
        work: A function of a module.
        jobs: Arguments of ``work``, one per call.
        threads: Number of processes; 0 and 1 work in this one.

    Yields:
        The results in the order of the jobs.

    Raises:
        OutputError: A process died, for instance because memory ran out.
    """
    threads = min(threads, len(jobs))
    if threads <= 1:
        yield from map(work, jobs)
        return
    context = multiprocessing.get_context(_start_method())
    chunk = max(1, len(jobs) // (threads * _CHUNKS_A_PROCESS))
    try:
        # Ctrl-C is left to this process, which then ends the others.
        ignore = signal.signal, (signal.SIGINT, signal.SIG_IGN)
        with ProcessPoolExecutor(threads, context, *ignore) as pool:
            yield from pool.map(work, jobs, chunksize=chunk)
    except BrokenProcessPool as error:
        raise OutputError(
            "a process of the evaluation died (out of memory?): try fewer --threads"
        ) from error


def _start_method() -> str:
    """Copies of this process start at once; but not when it holds PyTorch with its own threads."""
    is_safe = sys.platform == "linux" and "torch" not in sys.modules
    return "fork" if is_safe else "spawn"
