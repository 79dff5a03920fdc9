"""Compare two or more folders of results: scores with intervals, differences, worst frames.

Example:
    python compare.py results/a results/b --dataset-name dv2017_val --output comparison
    python compare.py results/a results/b --ground-truth my/Annotations
    python compare.py results/a results/b                     # how far b agrees with a
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import CommandParser, command, set_up_logging
from ltr.admin.errors import ConfigError
from ltr.admin.locks import lock_folder
from pytracking.analysis.reports.paired import difference_table, interval_table, paired_scores
from pytracking.analysis.reports.report import Report


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Score the folders on the same frames, print the comparison, and write it where asked."""
    arguments = _parser().parse_args(argv)
    set_up_logging(arguments.quiet)
    from pytracking.analysis.files.measured_costs import cost_of_results
    from pytracking.analysis.reports.writing import write_everything

    if len(arguments.folders) < 2:
        raise ConfigError("name at least two folders of results")
    reports = _score(arguments)
    scored = paired_scores(reports)
    costs = {name: cost_of_results(report.scores) for name, report in reports.items()}
    if len(scored) > 1:
        print(difference_table(scored).text(), end="\n\n")
        print(interval_table(scored, costs).text(), end="\n\n")
    for name, report in reports.items():
        print(f"{name}: {report.summary}")
    if arguments.output is not None:
        with lock_folder(arguments.output, arguments.wait):
            write_everything(reports, arguments.output, costs)
    return 0


def _score(arguments: argparse.Namespace) -> dict[str, Report]:
    from pytracking.analysis.scorers.request import Request
    from pytracking.evaluation.scoring import score_results

    folders: list[Path] = arguments.folders
    for folder in folders:
        if not folder.exists():
            raise ConfigError(f"{folder} does not exist")
    truth = arguments.ground_truth
    if truth is None and arguments.dataset_name is None:
        truth, folders = folders[0], folders[1:]
    reports = {}
    for name, folder in zip(_names(folders), folders, strict=True):
        request = Request(
            results=folder,
            dataset=arguments.dataset_name or "",
            tracker=name,
            rule=arguments.rule,
            ground_truth=truth,
            threads=arguments.threads,
            quiet=arguments.quiet,
        )
        reports[name] = score_results(request)
    return reports


def _names(folders: Sequence[Path]) -> list[str]:
    """The shortest parts of the paths that tell the folders apart; what all end with is left out.

    >>> _names([Path("/results/joint/dv2017_val"), Path("/results/sam2/dv2017_val")])
    ['joint', 'sam2']
    """
    parts = [folder.resolve().parts for folder in folders]
    while len({own[-1:] for own in parts}) == 1 and min(map(len, parts)) > 1 and len(parts) > 1:
        parts = [own[:-1] for own in parts]
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(own[-count:]) for own in parts]
        if len(set(names)) == len(names):
            return names
    raise ConfigError("a folder is named twice")


def _parser() -> CommandParser:
    parser = CommandParser(__doc__)
    parser.add_argument(
        "folders",
        nargs="+",
        type=Path,
        metavar="RESULTS",
        help="folders with <sequence>/<frame>.png; without a data set the first is the truth",
    )
    parser.add_argument("--dataset-name", metavar="NAME", help="score them on this data set")
    parser.add_argument("--ground-truth", type=Path, metavar="PATH", help="or on these annotations")
    parser.add_argument(
        "--rule", default="official", metavar="RULE", help="as in run_evaluation.py"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="write tables, JSON, plots and a page here"
    )
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="number of processes (1)"
    )
    parser.add_quiet()
    parser.add_plugin()
    parser.add_wait()
    return parser


if __name__ == "__main__":
    sys.exit(main())
