"""What carries out many independent jobs: processes, ``torchrun`` or Ray, behind one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from ltr.admin.cli import set_up_logging
from ltr.admin.devices import best_device

Job = TypeVar("Job")
Result = TypeVar("Result")
CountFrames = Callable[[int], None]
Work = Callable[[Job, CountFrames], Result]


@dataclass(frozen=True)
class WorkerSetup:
    """How every worker computes; the same everywhere, so that the results are the same.

    Args:
        device: Device of all trackers; ``cuda`` without a number spreads the workers over the GPUs.
        num_threads: CPU threads of a worker, which change the rounding of sums.
        quiet: Log warnings and errors only.
    """

    device: torch.device = field(default_factory=best_device)
    num_threads: int = field(default_factory=torch.get_num_threads)
    quiet: bool = False

    def apply(self, index: int) -> None:
        """Prepare the process of a worker.

        Args:
            index: Index of the worker on its machine.
        """
        set_up_logging(self.quiet)
        torch.set_num_threads(self.num_threads)
        if self.device.type == "cuda" and self.device.index is None:
            torch.cuda.set_device(index % torch.cuda.device_count())


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


@dataclass(frozen=True)
class Attempt:
    """What came of one job, in a form that travels between processes.

    Args:
        result: What the work returned.
        error: What it raised instead, or None.
    """

    result: Any = None
    error: Exception | None = None

    def unwrap(self) -> Any:
        """The result.

        Raises:
            Exception: What the work raised.
        """
        if self.error is not None:
            raise self.error
        return self.result


def attempt(work: Work[Any, Any], job: Any, count_frames: CountFrames) -> Attempt:
    """Do one job; an exception becomes part of what is returned."""
    try:
        return Attempt(work(job, count_frames))
    except Exception as error:
        return Attempt(error=error)
