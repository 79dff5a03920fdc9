"""Jobs spread over processes; the death of a process costs one job."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ltr.admin.processes import end_processes, start_worker

Job = TypeVar("Job")
Result = TypeVar("Result")

_TICK_S = 0.5


@dataclass
class ProcessMap(Generic[Job, Result]):
    """Applies a function to jobs in spawned processes.

    When a process dies (killed for its memory, say), the jobs that were under way are tried again
    one by one, each in a process of its own.

    Args:
        work: A function of a module.
        num_processes: How many work at the same time.
        initializer: Function called first in every process.
        initargs: Arguments of ``initializer``.
        tick: Function called repeatedly while this process waits.
    """

    work: Callable[[Job], Result]
    num_processes: int
    initializer: Callable[..., None] | None = None
    initargs: tuple[Any, ...] = ()
    tick: Callable[[], None] = lambda: None

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, Result | None]]:
        """Yield every job with its result, or None where its process died, as they finish.

        Raises:
            Exception: What ``work`` raised; the processes are then ended.
        """
        waiting = deque(jobs)
        while waiting:
            suspects: list[Job] = []
            yield from self._run_pool(waiting, self.num_processes, suspects)
            for job in suspects:
                died: list[Job] = []
                yield from self._run_pool(deque([job]), 1, died)
                yield from ((job, None) for job in died)

    def _run_pool(
        self, waiting: deque[Job], num_processes: int, suspects: list[Job]
    ) -> Iterator[tuple[Job, Result]]:
        """Take jobs until none waits or a process dies; ``suspects`` were under way then."""
        others = multiprocessing.active_children()
        context = multiprocessing.get_context("spawn")
        initargs = (self.initializer, *self.initargs)
        pool = ProcessPoolExecutor(num_processes, context, start_worker, initargs)
        under_way: dict[Future[Result], Job] = {}
        try:
            while under_way or (waiting and not suspects):
                while waiting and len(under_way) < num_processes and not suspects:
                    self._submit(pool, waiting.popleft(), under_way, suspects)
                done = wait(under_way, _TICK_S, FIRST_COMPLETED).done
                self.tick()
                for future in done:
                    job = under_way.pop(future)
                    try:
                        yield job, future.result()
                    except BrokenProcessPool:
                        suspects.append(job)
        except BaseException:
            end_processes(set(multiprocessing.active_children()).difference(others))
            raise
        finally:
            pool.shutdown(wait=not under_way, cancel_futures=True)

    def _submit(
        self,
        pool: ProcessPoolExecutor,
        job: Job,
        under_way: dict[Future[Result], Job],
        suspects: list[Job],
    ) -> None:
        try:
            under_way[pool.submit(self.work, job)] = job
        except BrokenProcessPool:
            suspects.append(job)
