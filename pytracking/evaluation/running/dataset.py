"""Runs a tracker over the sequences of a data set, in this process or by an engine."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from ltr.admin.config import describe
from ltr.admin.errors import DataError
from ltr.admin.locks import lock_folder
from ltr.admin.progress import FrameProgress
from pytracking.evaluation.datasets.sequence import AnySequence, SequenceList
from pytracking.evaluation.engines.base import CountFrames, Engine
from pytracking.evaluation.outputs.folder import ResultFolder, result_folder
from pytracking.evaluation.outputs.formats import find_format
from pytracking.evaluation.running.jobs import Job, Load, Outcome, loader, run_jobs
from pytracking.evaluation.running.sequence import FrameObserver, run_sequence
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

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values: the folder, and frames and seconds of every sequence."""
        return {
            "results": str(self.folder.path),
            "fps": self.total.fps,
            "skipped": self.num_skipped,
            "sequences": [dataclasses.asdict(outcome) for outcome in self.outcomes],
        }

    @property
    def failures(self) -> list[Outcome]:
        """The sequences without results."""
        return [outcome for outcome in self.outcomes if outcome.failure]

    @property
    def deviations(self) -> dict[str, str]:
        """In what sequences were run otherwise than the parameters say, by name."""
        found = ((outcome.name, outcome.deviation) for outcome in self.outcomes)
        return {name: deviation for name, deviation in found if deviation}

    @property
    def total(self) -> Outcome:
        """Frames and seconds of all sequences together, and the largest memory."""
        frames = sum(outcome.frames for outcome in self.outcomes)
        seconds = sum(outcome.seconds for outcome in self.outcomes)
        peak = max((outcome.peak_mib for outcome in self.outcomes), default=math.nan)
        return Outcome("all", frames, seconds, peak_mib=peak)


@dataclass(frozen=True)
class SequenceJob(Job):
    """One sequence of a data set.

    Args:
        spec: The tracker.
        runtime: Device and precision.
        sequence: Frames and prompts.
        folder: Folder of the results.
        observe: Callback for every frame; None in jobs for an engine.
    """

    spec: TrackerSpec
    runtime: Runtime
    sequence: AnySequence
    folder: ResultFolder
    observe: FrameObserver | None = None

    @property
    def name(self) -> str:
        """Name of the sequence."""
        return self.sequence.name

    @property
    def length(self) -> int:
        """Number of frames."""
        return len(self.sequence.frames)

    def run(self, load: Load, count: CountFrames) -> Outcome:
        """See ``Job.run``."""
        tracker = load(self.spec, self.runtime)
        seconds = run_sequence(tracker, self.sequence, self.folder, self.observe, count)
        deviation = getattr(tracker, "deviation", "")
        return Outcome(self.name, self.length, seconds, deviation=deviation)


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
    jobs, damaged = _make_jobs(spec, options, folder, dataset, names, observe)
    load = loader()
    if jobs and options.engine is None:
        load(spec, options.runtime)
    folder.prepare(config)
    outcomes: list[Outcome] = []
    total = sum(job.length for job in jobs)
    with FrameProgress(dataset.name, total, options.quiet) as progress:
        run = run_jobs(jobs, options.engine, progress.advance, load, folder.sweep)
        for outcome in chain(damaged, run):
            outcomes.append(outcome)
            if outcome.deviation:
                folder.note_deviation(outcome.name, outcome.deviation)
            report(outcome)
    if dataset.result_format:
        find_format(dataset.result_format).assemble(folder)
    return RunSummary(folder, tuple(outcomes), len(dataset) - len(names))


def _make_jobs(
    spec: TrackerSpec,
    options: RunOptions,
    folder: ResultFolder,
    dataset: SequenceList,
    names: Iterable[str],
    observe: FrameObserver | None,
) -> tuple[list[SequenceJob], list[Outcome]]:
    """The jobs, and the outcomes of sequences whose files are damaged."""
    jobs, damaged = [], []
    for name in names:
        try:
            jobs.append(SequenceJob(spec, options.runtime, dataset[name], folder, observe))
        except DataError as error:
            damaged.append(Outcome(name, failure=str(error)))
    return jobs, damaged
