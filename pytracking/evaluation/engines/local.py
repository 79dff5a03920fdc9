"""Jobs in processes of this machine."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from functools import partial
from multiprocessing.sharedctypes import Synchronized

from pytracking.evaluation.engines.base import CountFrames, Engine, Job, Result, Work
from pytracking.evaluation.engines.processes import ProcessMap
from pytracking.evaluation.engines.worker import WorkerSetup

_frames: Synchronized[int]  # of all workers; a process gets it when it starts


class LocalEngine(Engine):
    """Starts processes for every run.

    Args:
        num_processes: How many work at the same time.
        setup: How they compute.
    """

    def __init__(self, num_processes: int, setup: WorkerSetup | None = None) -> None:
        self._num_processes = num_processes
        self._setup = setup or WorkerSetup()

    def run(
        self, work: Work[Job, Result], jobs: Sequence[Job], count_frames: CountFrames
    ) -> Iterator[tuple[Job, Result | None]]:
        """See ``Engine.run``; what was under way when a process died is tried once more."""
        context = multiprocessing.get_context("spawn")
        frames, workers = context.Value("q", 0), context.Value("i", 0)
        counted = 0

        def count() -> None:
            nonlocal counted
            total = frames.value
            count_frames(total - counted)
            counted = total

        pool = ProcessMap(
            partial(_work, work),
            min(self._num_processes, len(jobs)),
            _start_worker,
            (self._setup, frames, workers),
            count,
        )
        return pool.run(jobs)

    def close(self) -> None:
        """See ``Engine.close``; the processes end with their run."""


def _start_worker(
    setup: WorkerSetup, frames: Synchronized[int], workers: Synchronized[int]
) -> None:
    global _frames
    _frames = frames
    with workers.get_lock():
        index = workers.value
        workers.value += 1
    setup.apply(index)


def _work(work: Work[Job, Result], job: Job) -> Result:
    return work(job, _count)


def _count(frames: int) -> None:
    with _frames.get_lock():
        _frames.value += frames
