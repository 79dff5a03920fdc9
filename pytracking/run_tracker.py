"""Run a tracker over a data set and write its masks, boxes and times.

Example:
    python run_tracker.py joint joint_davis --dataset-name dv2017_val
    python run_tracker.py joint joint_ytvos --dataset-name yt2019_valid_all --submission out.zip
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

from ltr.admin.cli import command, json_results, set_up_logging
from ltr.admin.collection import collection_paused
from ltr.admin.errors import ConfigError
from pytracking.cli.arguments import TrackerParser, resolve_tracker

if TYPE_CHECKING:
    from pytracking.evaluation.datasets.sequence import SequenceList
    from pytracking.evaluation.engines.base import Engine
    from pytracking.evaluation.tracker import TrackerSpec


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run one tracker over one data set; 1 when a sequence failed."""
    arguments = _parser().parse_args(argv)
    set_up_logging(arguments.quiet)
    spec = resolve_tracker(arguments)
    with collection_paused():
        from pytracking.evaluation.datasets import get_dataset, list_datasets

    if arguments.dataset_name is None:
        raise ConfigError(f"--dataset-name is missing: choose from {', '.join(list_datasets())}")
    dataset = get_dataset(arguments.dataset_name)
    with collection_paused():
        from pytracking.cli.console import run_with_engine

    return run_with_engine(arguments, partial(_run, spec, dataset))


def _run(
    spec: TrackerSpec, dataset: SequenceList, arguments: argparse.Namespace, engine: Engine | None
) -> int:
    from pytracking.cli.console import run_and_report
    from pytracking.evaluation.outputs.pictures import draw_results
    from pytracking.evaluation.outputs.submission import check_archive_path, pack_submission

    if arguments.submission is not None:
        check_archive_path(arguments.submission)
    chosen = dataset if arguments.sequence is None else dataset.select(arguments.sequence)
    with json_results(arguments.json) as results:
        summary = run_and_report(spec, chosen, arguments, engine)
        results.update(summary.as_json())
        if arguments.vis:
            print(f"Pictures: {draw_results(chosen, summary.folder)}")
        if summary.failures:
            return 1
        if arguments.exports:
            from pytracking.evaluation.outputs.exchange.frames import export_sequences

            for path in export_sequences(
                chosen, summary.folder, arguments.exports, arguments.overwrite
            ):
                print(f"exported: {path}")
        if arguments.submission is not None:
            count = pack_submission(dataset, summary.folder, arguments.submission)
            print(f"{count} files packed: {arguments.submission}")
    return 0


def _parser() -> TrackerParser:
    parser = TrackerParser(__doc__)
    parser.add_tracker()
    parser.add_memory()
    parser.add_fast()
    parser.add_argument(
        "--runid", type=int, metavar="N", help="number of this run; keeps the results of runs apart"
    )
    parser.add_argument("--dataset-name", metavar="NAME", help="data set, or folder:PATH")
    parser.add_argument(
        "--sequence", metavar="NAME", help="run only this sequence, given by name or position"
    )
    parser.add_argument(
        "--submission",
        type=Path,
        metavar="FILE.zip",
        help="also pack the masks into the archive that the official server accepts",
    )
    parser.add_export()
    parser.add_switch("--vis", "also draw the masks over the frames")
    parser.add_run()
    parser.add_json()
    parser.add_runtime()
    return parser


if __name__ == "__main__":
    sys.exit(main())
