"""Run several trackers over several data sets, as a function in ``experiments/`` lists them.

Several trackers are compared afterwards: one report per data set that has annotations.

Example:
    python run_experiment.py baselines davis --threads 4
"""

from __future__ import annotations

import argparse
import logging
import math
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import command, set_up_logging
from ltr.admin.errors import ConfigError
from ltr.admin.locks import lock_folder
from ltr.admin.optional import import_optional
from pytracking.cli.arguments import TrackerParser

if TYPE_CHECKING:
    from pytracking.evaluation.datasets.sequence import SequenceList
    from pytracking.evaluation.engines.base import Engine
    from pytracking.evaluation.running.dataset import RunSummary
    from pytracking.evaluation.tracker import TrackerSpec

_LOG = logging.getLogger(__name__)


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run one experiment and compare its trackers; 1 when a sequence failed."""
    arguments = _parser().parse_args(argv)
    set_up_logging(arguments.quiet)
    from pytracking.evaluation.datasets import get_dataset
    from pytracking.experiments import load_experiment

    trackers, names = load_experiment(arguments.experiment_module, arguments.experiment_name)
    datasets = [get_dataset(name) for name in names]
    from pytracking.cli.console import run_with_engine

    return run_with_engine(arguments, partial(_run, trackers, datasets))


def _run(
    trackers: Sequence[TrackerSpec],
    datasets: Sequence[SequenceList],
    arguments: argparse.Namespace,
    engine: Engine | None,
) -> int:
    from pytracking.cli.console import run_and_report

    has_failed = False
    for dataset in datasets:
        runs = {spec: run_and_report(spec, dataset, arguments, engine) for spec in trackers}
        has_failed |= any(run.failures for run in runs.values())
        if (
            len(runs) > 1
            and not arguments.no_report
            and not any(run.failures for run in runs.values())
        ):
            _compare(dataset.source, runs, arguments)
    return int(has_failed)


def _compare(
    dataset: str, runs: Mapping[TrackerSpec, RunSummary], arguments: argparse.Namespace
) -> None:
    """Score the trackers on a data set and write what compares them; needs its annotations."""
    from pytracking.analysis.reports.comparison import compare_numbers
    from pytracking.analysis.reports.paired import Cost, interval_table, paired_scores
    from pytracking.analysis.reports.writing import PAGE_FILE, write_everything
    from pytracking.analysis.scorers.request import Request
    from pytracking.evaluation.scoring import score_results

    reports, costs = {}, {}
    try:
        import_optional("matplotlib", "the report with its plots", "plots")
        for spec, run in runs.items():
            name = spec.run_label
            request = Request(
                results=run.folder.path,
                dataset=dataset,
                tracker=name,
                quiet=arguments.quiet,
            )
            reports[name] = score_results(request)
            total = run.total
            costs[name] = Cost(total.fps or math.nan, total.peak_mib)
    except ConfigError as error:
        _LOG.warning("%s: no report: %s", dataset, error)
        return
    print(compare_numbers(reports, dataset))
    scored = paired_scores(reports)
    if scored:
        print(interval_table(scored, costs).text())
    folder = _report_folder(arguments) / next(iter(runs.values())).folder.path.name
    with lock_folder(folder, arguments.wait):
        write_everything(reports, folder, costs)
    print(f"Report: {folder / PAGE_FILE}")


def _report_folder(arguments: argparse.Namespace) -> Path:
    from pytracking.utils.environment import evaluation_environment

    results = Path(arguments.results or evaluation_environment().results_path)
    name = f"{arguments.experiment_module}_{arguments.experiment_name}"
    return Path(arguments.report or results / "experiments" / name)


def _parser() -> TrackerParser:
    parser = TrackerParser(__doc__)
    parser.add_argument("experiment_module", help="file of pytracking/experiments, without .py")
    parser.add_argument("experiment_name", help="function in it")
    parser.add_plugin()
    parser.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="folder of the comparison (<results>/experiments/<module>_<name>)",
    )
    parser.add_switch("--no-report", "do not score and compare the trackers afterwards")
    parser.add_run()
    parser.add_runtime()
    return parser


if __name__ == "__main__":
    sys.exit(main())
