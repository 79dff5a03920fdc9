"""What carries out many independent jobs: processes, ``torchrun`` or Ray, behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")
CountFrames = Callable[[int], None]
Work = Callable[[Job, CountFrames], Result]


class Engine(ABC):
    """Carries out jobs; used as a context, which frees its workers at the end.

    Commands start everywhere where the engine has a process of theirs. Where ``is_worker`` holds
    they only call ``serve``.
    """

    is_worker = False

    @abstractmethod
    def run(
        self, work: Work[Job, Result], jobs: Sequence[Job], count_frames: CountFrames
    ) -> Iterator[tuple[Job, Result | None]]:
        """Carry out jobs in their order, as many at a time as there are workers.

        Args:
            work: A function of a module; it gets a job and what counts its frames.
            jobs: What pickles.
            count_frames: Progress callback, called with the number of frames that the workers
                finished since the last call.

        Yields:
            Every job with its result, or with None where its worker died, as they finish.

        Raises:
            Exception: What ``work`` raised; the other jobs are then given up.
        """

    def serve(self) -> None:
        """Work for the process that called ``run``, until that has no more to do."""
        raise RuntimeError("this process is not a worker")

    @abstractmethod
    def close(self) -> None:
        """Free the workers."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
