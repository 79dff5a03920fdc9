"""What every process does that works for an engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from ltr.admin.cli import set_up_logging
from ltr.admin.devices import best_device
from pytracking.evaluation.engines.base import CountFrames, Work


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
