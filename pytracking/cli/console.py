"""What the commands that run trackers over data sets have in common."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from ltr.admin.cli import set_up_logging
from ltr.admin.devices import resolve_device
from pytracking.cli.arguments import resolve_runtime
from pytracking.evaluation.datasets.sequence import AnySequence, SequenceList
from pytracking.evaluation.engines import start_engine
from pytracking.evaluation.engines.base import Engine
from pytracking.evaluation.engines.worker import WorkerSetup
from pytracking.evaluation.running.dataset import RunOptions, RunSummary, run_dataset
from pytracking.evaluation.running.jobs import Outcome
from pytracking.evaluation.running.sequence import FrameObserver, TrackedFrame
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.utils.environment import evaluation_environment

_LOG = logging.getLogger(__name__)


def run_with_engine(
    arguments: argparse.Namespace, run: Callable[[argparse.Namespace, Engine | None], int]
) -> int:
    """Run a command with the engine that its arguments name, or as one of the engine's workers.

    Args:
        arguments: Arguments of ``TrackerParser.add_engine`` and ``add_runtime``.
        run: The command, called with the arguments and the engine; None works in this process.

    Returns:
        Its exit code, 0 for a worker.

    Raises:
        ConfigError: The engine is not installed or its processes are not there.
    """
    set_up_logging(arguments.quiet)
    setup = WorkerSetup(resolve_device(arguments.device), quiet=arguments.quiet)
    engine = start_engine(arguments.engine, arguments.threads, setup)
    if engine is None:
        return run(arguments, None)
    with engine:
        if not engine.is_worker:
            return run(arguments, engine)
        engine.serve()
        return 0


def run_and_report(
    spec: TrackerSpec,
    dataset: SequenceList,
    arguments: argparse.Namespace,
    engine: Engine | None,
) -> RunSummary:
    """Run a tracker over a data set and report every sequence, and at the end the totals.

    Args:
        spec: The tracker.
        dataset: The sequences.
        arguments: Arguments of ``TrackerParser.add_run`` and ``add_runtime``.
        engine: Does the work, or None.

    Raises:
        ToolkitError: The run cannot continue.
        OutputError: The results cannot be written.
    """
    if engine is not None:
        refuse_live_view(arguments)
    options = RunOptions(
        results=Path(arguments.results or evaluation_environment().results_path),
        runtime=resolve_runtime(arguments),
        engine=engine,
        overwrite=arguments.overwrite,
        quiet=arguments.quiet,
        wait=arguments.wait,
    )
    if dataset.hint:
        _LOG.warning(dataset.hint)
    _tell(options, f"Evaluating {1:4d} trackers on {len(dataset):5d} sequences")
    summary = run_dataset(spec, dataset, options, _reporter(spec, options), _observer(options))
    _tell_all(summary)
    return summary


def _reporter(spec: TrackerSpec, options: RunOptions) -> Callable[[Outcome], None]:
    run = f"{spec.system} {spec.name} {spec.run_id}"

    def report(outcome: Outcome) -> None:
        _tell(options, f"Tracker: {run} ,  Sequence: {outcome.name}")
        _tell(options, "failed" if outcome.failure else f"FPS: {outcome.fps:.2f}")

    return report


def _observer(options: RunOptions) -> FrameObserver | None:
    """What shows every frame in the live view."""
    view = options.runtime.inspector
    if view is None:
        return None

    def observe(sequence: AnySequence, frame: TrackedFrame) -> None:
        view.show(sequence.name, frame.image, frame.output, frame.seconds)

    return observe


def refuse_live_view(arguments: argparse.Namespace) -> None:
    """Switch off, with a warning, the view that workers cannot draw in."""
    if arguments.debug > 0:
        _LOG.warning("no live view: it needs --engine local --threads 0")
        arguments.debug = 0


def _tell(options: RunOptions, line: str) -> None:
    if not options.quiet:
        print(line, flush=True)


def _tell_all(summary: RunSummary) -> None:
    failures, total = summary.failures, summary.total
    for outcome in failures:
        print(f"\nfailed: {outcome.name}: {outcome.failure.rstrip()}", file=sys.stderr)
    for name, deviation in summary.deviations.items():
        print(f"{name} differs from the configuration: {deviation}", flush=True)
    if summary.num_skipped:
        print(f"{summary.num_skipped} sequences already done (--overwrite runs them again)")
    done = len(summary.outcomes) - len(failures)
    rate = f", {total.frames} frames, FPS: {total.fps:.2f}" if total.frames else ""
    print(f"{done} sequences done, {len(failures)} failed{rate}", flush=True)
    print(f"Results: {summary.folder.path}", flush=True)
