"""Runs a tracker over the sequences of a data set, in this process or by an engine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from ltr.admin.config import describe
from ltr.admin.errors import DataError
from ltr.admin.locks import lock_folder
from ltr.admin.progress import FrameProgress
from pytracking.evaluation.datasets.sequence import AnySequence, SequenceList
from pytracking.evaluation.engines.base import CountFrames, Engine
from pytracking.evaluation.outputs.folder import ResultFolder, result_folder
from pytracking.evaluation.outputs.formats import find_format
from pytracking.evaluation.running.jobs import WORKER_DIED, guard, load_once
from pytracking.evaluation.running.sequence import FrameObserver, Tracker, run_sequence
from pytracking.evaluation.tracker import TrackerSpec, describe_run
from pytracking.tracker.base import Runtime

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOptions:
    """How to go through a data set.

    Args:
        results: Folder of all results.
        runtime: Device and precision.
        engine: Does the work; None works in this process. The results are the same.
        overwrite: Run finished sequences again, instead of skipping them.
        quiet: Show no progress.
        wait: Wait while another process works in the folder of the results, instead of refusing.
    """

    results: Path
    runtime: Runtime = field(default_factory=Runtime)
    engine: Engine | None = None
    overwrite: bool = False
    quiet: bool = False
    wait: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one sequence.

    Args:
        sequence: Name of the sequence.
        frames: Number of frames tracked.
        seconds: What the tracker took for them.
        failure: Why it has no results; empty when it has.
        deviation: In what it was run otherwise than the parameters say; empty where it was not.
    """

    sequence: str
    frames: int = 0
    seconds: float = 0.0
    failure: str = ""
    deviation: str = ""

    @property
    def fps(self) -> float:
        """Frames per second of the tracker alone."""
        return self.frames / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class RunSummary:
    """What became of a run.

    Args:
        folder: Folder of the results.
        outcomes: Outcomes of the sequences that were run.
        num_skipped: Number of sequences that were already done.
    """

    folder: ResultFolder
    outcomes: tuple[Outcome, ...]
    num_skipped: int

    @property
    def failures(self) -> list[Outcome]:
        """The sequences without results."""
        return [outcome for outcome in self.outcomes if outcome.failure]

    @property
    def deviations(self) -> dict[str, str]:
        """In what sequences were run otherwise than the parameters say, by name."""
        found = ((outcome.sequence, outcome.deviation) for outcome in self.outcomes)
        return {name: deviation for name, deviation in found if deviation}

    @property
    def total(self) -> Outcome:
        """Frames and seconds of all sequences together."""
        frames = sum(outcome.frames for outcome in self.outcomes)
        return Outcome("all", frames, sum(outcome.seconds for outcome in self.outcomes))


@dataclass(frozen=True)
class _Job:
    spec: TrackerSpec
    runtime: Runtime
    sequence: AnySequence
    folder: ResultFolder


def run_dataset(
    spec: TrackerSpec,
    dataset: SequenceList,
    options: RunOptions,
    report: Callable[[Outcome], None] = lambda outcome: None,
    observe: FrameObserver | None = None,
) -> RunSummary:
    """Run a tracker over a data set.

    A sequence that fails is reported and never stops the others; what is wrong with the tracker or
    with the result folder stops the run.

    Args:
        spec: The tracker.
        dataset: The sequences.
        options: Device, processes, where the results go.
        report: Callback for every finished or failed sequence.
        observe: Callback for every frame; only without an engine.

    Raises:
        ConfigError: The tracker's parameters are wrong, or the folder holds results of others.
        CheckpointError: The network cannot be loaded.
        LockedError: Another process works in the folder of the results.
        OutputError: The results cannot be written.
    """
    _LOG.info("%s %s\n%s", spec.system, spec.name, describe(spec.load_parameters()))
    folder = result_folder(options.results, spec.system, spec.result_name, dataset)
    with lock_folder(folder.path, options.wait):
        return _run_in(folder, spec, dataset, options, report, observe)


def _run_in(
    folder: ResultFolder,
    spec: TrackerSpec,
    dataset: SequenceList,
    options: RunOptions,
    report: Callable[[Outcome], None],
    observe: FrameObserver | None,
) -> RunSummary:
    """Run what is missing in a folder that is locked; its workers need no lock of their own."""
    config = describe_run(spec, options.runtime) | {"dataset": dataset.source or dataset.name}
    folder.sweep()
    folder.check(config, dataset.names, options.overwrite)
    finished = set() if options.overwrite else set(folder.finished())
    names = [name for name in dataset.names if name not in finished]
    jobs, damaged = _make_jobs(spec, options.runtime, folder, dataset, names)
    tracker = spec.create(options.runtime) if jobs and options.engine is None else None
    folder.prepare(config)
    outcomes: list[Outcome] = []
    total = sum(len(job.sequence.frames) for job in jobs)
    with FrameProgress(dataset.name, total, options.quiet) as progress:
        if options.engine is not None:
            run = _run_elsewhere(jobs, options.engine, folder, progress)
        else:
            run = _run_here(jobs, tracker, progress, observe)
        for outcome in chain(damaged, run):
            outcomes.append(outcome)
            if outcome.deviation:
                folder.note_deviation(outcome.sequence, outcome.deviation)
            report(outcome)
    if dataset.result_format:
        find_format(dataset.result_format).assemble(folder)
    return RunSummary(folder, tuple(outcomes), len(dataset) - len(names))


def _make_jobs(
    spec: TrackerSpec,
    runtime: Runtime,
    folder: ResultFolder,
    dataset: SequenceList,
    names: Iterable[str],
) -> tuple[list[_Job], list[Outcome]]:
    """The jobs, and the outcomes of sequences whose files are damaged."""
    jobs, damaged = [], []
    for name in names:
        try:
            jobs.append(_Job(spec, runtime, dataset[name], folder))
        except DataError as error:
            damaged.append(Outcome(name, failure=str(error)))
    return jobs, damaged


def _run_here(
    jobs: Iterable[_Job],
    tracker: Tracker,
    progress: FrameProgress,
    observe: FrameObserver | None,
) -> Iterator[Outcome]:
    for job in jobs:
        yield _attempt(job, tracker, progress.advance, observe)


def _run_elsewhere(
    jobs: list[_Job], engine: Engine, folder: ResultFolder, progress: FrameProgress
) -> Iterator[Outcome]:
    """The longest sequences go first, so that no worker works alone at the end."""
    jobs = sorted(jobs, key=lambda job: -len(job.sequence.frames))
    try:
        for job, outcome in engine.run(_work, jobs, progress.advance):
            yield outcome or Outcome(job.sequence.name, failure=WORKER_DIED)
    finally:
        folder.sweep()  # workers that were ended could not tidy up


def _work(job: _Job, count_frames: CountFrames) -> Outcome:
    return _attempt(job, load_once(job.spec, job.runtime), count_frames)


def _attempt(
    job: _Job, tracker: Tracker, count: CountFrames, observe: FrameObserver | None = None
) -> Outcome:
    name, frames = job.sequence.name, len(job.sequence.frames)

    def run() -> Outcome:
        seconds = run_sequence(tracker, job.sequence, job.folder, observe, count)
        return Outcome(name, frames, seconds, deviation=getattr(tracker, "deviation", ""))

    return guard(run, lambda reason: Outcome(name, failure=reason))
