"""Run several trackers over several data sets, as a function in ``experiments/`` lists them.

Example:
    python run_experiment.py baselines davis --threads 4
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import CommandParser, add_plugin_argument, command, set_up_logging
from pytracking.cli.arguments import add_run_arguments, add_runtime_arguments

if TYPE_CHECKING:
    from pytracking.evaluation.engines.base import Engine


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run one experiment; 1 when a sequence failed."""
    arguments = _parse(argv)
    set_up_logging(arguments.quiet)
    from pytracking.cli.console import run_with_engine

    return run_with_engine(arguments, partial(_run, arguments))


def _run(arguments: argparse.Namespace, engine: Engine | None) -> int:
    from pytracking.cli.console import run_and_report
    from pytracking.evaluation.datasets import get_dataset
    from pytracking.experiments import load_experiment

    trackers, names = load_experiment(arguments.experiment_module, arguments.experiment_name)
    datasets = [get_dataset(name) for name in names]
    runs = [
        run_and_report(spec, dataset, arguments, engine)
        for dataset in datasets
        for spec in trackers
    ]
    return 1 if any(run.failures for run in runs) else 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = CommandParser(__doc__)
    parser.add_argument("experiment_module", help="file of pytracking/experiments, without .py")
    parser.add_argument("experiment_name", help="function in it")
    add_plugin_argument(parser)
    add_run_arguments(parser)
    add_runtime_arguments(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
