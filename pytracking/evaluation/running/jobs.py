"""Many independent jobs, in this process or by an engine: sequences of a data set, or videos."""

from __future__ import annotations

import math
import threading
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from ltr.admin.errors import DataError, ToolkitError
from ltr.admin.process_memory import peak_mib, reset_peak
from pytracking.evaluation.engines.base import CountFrames, Engine
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.tracker.base import Runtime

Load = Callable[[TrackerSpec, Runtime], Any]
"""Makes a tracker ready to run."""

load_and_log: Load = partial(TrackerSpec.create, with_log=True)
"""Logs the resolved parameters, as those do who load for several jobs, and loads the tracker."""

_WORKER_DIED = "its process was killed, possibly out of memory"


@dataclass(frozen=True)
class Outcome:
    """What became of one sequence or video.

    Args:
        name: Name of the sequence or video.
        frames: Number of frames with results.
        seconds: For a sequence what the tracker took; for a video reading and writing as well.
        failure: Why there are no results, or only some; empty where nothing failed.
        deviation: In what it was run otherwise than the parameters say; empty where it was not.
        folder: Folder of a video's results; None where nothing was saved.
        dropped: Frames of a stream that came too late and were left out.
        peak_mib: Largest memory of the process meanwhile, MiB; NaN where it is not known.
    """

    name: str
    frames: int = 0
    seconds: float = 0.0
    failure: str = ""
    deviation: str = ""
    folder: Path | None = None
    peak_mib: float = math.nan
    dropped: int = 0

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.frames / self.seconds if self.seconds else 0.0


class Job(ABC):
    """One sequence or video to be run; it travels to the processes of an engine."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the sequence or video."""

    @property
    @abstractmethod
    def length(self) -> int:
        """Number of frames, 0 where it is not known."""

    @abstractmethod
    def run(self, load: Load, count: CountFrames) -> Outcome:
        """Run a tracker and write the results, whole or not at all.

        Args:
            load: Makes the tracker ready.
            count: Progress callback, called with the number of frames done since the last call.

        Raises:
            DataError: Something is wrong with this job alone.
            ToolkitError: All jobs would fail like this one.
            OSError: A shared disk is full or unreachable.
        """


def run_jobs(
    jobs: Sequence[Job],
    engine: Engine | None,
    count: CountFrames,
    load: Load,
    sweep: Callable[[], None] = lambda: None,
) -> Iterator[Outcome]:
    """Carry out jobs; one that fails never stops the others.

    Args:
        jobs: In the order of the outcomes; an engine takes the longest first, so that no worker
            works alone at the end.
        engine: Does the work; None works in this process.
        count: Progress callback, called with the number of frames done since the last call.
        load: Makes the tracker ready in this process.
        sweep: Called at the end of an engine's work, since workers that were killed could not tidy
            up.

    Raises:
        ToolkitError: The tracker cannot be used.
        OutputError: The results cannot be written.
    """
    if engine is None:
        yield from (_attempt(load, job, count) for job in jobs)
        return
    longest_first = sorted(jobs, key=lambda job: -job.length)
    try:
        for job, outcome in engine.run(partial(_attempt, load_once), longest_first, count):
            yield outcome or Outcome(job.name, failure=_WORKER_DIED)
    finally:
        sweep()


def loader() -> Load:
    """What loads a tracker at its first call and returns it again afterwards."""
    return cache(lambda spec, runtime: spec.create(runtime))


_loaded = threading.local()


def load_once(spec: TrackerSpec, runtime: Runtime) -> Any:
    """Load a tracker once per thread: it keeps the state of the video that the thread works on."""
    request = (spec, runtime)
    if getattr(_loaded, "request", None) != request:
        _loaded.tracker = spec.create(runtime)
        _loaded.request = request
    return _loaded.tracker


def _attempt(load: Load, job: Job, count: CountFrames) -> Outcome:
    """Do one job; what concerns only this job becomes a failed outcome."""
    reset_peak()
    try:
        outcome = job.run(load, count)
        return replace(outcome, peak_mib=peak_mib())
    except DataError as error:
        return Outcome(job.name, failure=str(error))
    except (ToolkitError, OSError):
        raise
    except Exception:
        return Outcome(job.name, failure=traceback.format_exc())
