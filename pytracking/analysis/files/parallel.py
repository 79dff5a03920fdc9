"""Spreads jobs over processes and gives the results back in order."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from ltr.admin.errors import WorkerError
from ltr.admin.processes import end_processes, start_worker

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
        WorkerError: A process died, for instance because memory ran out.
    """
    threads = min(threads, len(jobs))
    if threads <= 1:
        yield from map(work, jobs)
        return
    context = multiprocessing.get_context(_start_method())
    chunk = max(1, len(jobs) // (threads * _CHUNKS_A_PROCESS))
    others = multiprocessing.active_children()
    pool = ProcessPoolExecutor(threads, context, start_worker)
    try:
        yield from pool.map(work, jobs, chunksize=chunk)
    except BaseException as error:
        end_processes(set(multiprocessing.active_children()).difference(others))
        if isinstance(error, BrokenProcessPool):
            raise WorkerError(
                "a process of the evaluation was killed, possibly out of memory: try fewer "
                "--threads"
            ) from error
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _start_method() -> str:
    """Copies of this process start at once; but not when it holds PyTorch with its own threads."""
    is_safe = sys.platform == "linux" and "torch" not in sys.modules
    return "fork" if is_safe else "spawn"
