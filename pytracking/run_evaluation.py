"""Score results by the official rules.

Example:
    python run_evaluation.py joint joint_davis --dataset-name dv2017_val
    python run_evaluation.py joint joint_davis --against joint joint_ytvos --dataset-name dv2017_val
    python run_evaluation.py --experiment baselines davis --output report
    python run_evaluation.py --results DIR --dataset-name dv2017_val
    python run_evaluation.py --results DIR --ground-truth PATH
    python run_evaluation.py --check-submission FILE.zip --dataset-name yt2019_valid_all
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import CommandParser, command, describe_os_error, json_results, set_up_logging
from ltr.admin.errors import ConfigError, did_you_mean
from ltr.admin.locks import lock_folder
from ltr.admin.optional import import_optional
from pytracking.analysis.protocols.interactive import METRICS, SessionLimits
from pytracking.analysis.reports.comparison import compare_numbers
from pytracking.analysis.reports.report import Report
from pytracking.analysis.scorers.request import CurveOptions, Request
from pytracking.evaluation.scoring import expected_submission, result_name, score_results
from pytracking.evaluation.tracker import TrackerSpec, list_names, list_systems
from pytracking.utils.environment import evaluation_environment, find_root
from pytracking.utils.folder_names import FOLDER_PREFIX

_LOG = logging.getLogger(__name__)
_STDOUT = Path("-")


Folders = dict[str, Path]


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Score one or more trackers, or check a submission; 0 when all went well."""
    arguments = _parser().parse_args(argv)
    set_up_logging(arguments.quiet)
    if arguments.output is not None:  # told before hours of scoring
        import_optional("matplotlib", "--output with its plots", "plots")
    if arguments.check_submission is not None:
        return _check_submission(arguments)
    with json_results(arguments.json == _STDOUT) as results:
        found = _find_results(arguments)
        with ExitStack() as stack:
            if arguments.output is not None:
                stack.enter_context(lock_folder(arguments.output, arguments.wait))
            results.update(_score_all(found, arguments))
    return 0


def _score_all(found: dict[str, Folders], arguments: argparse.Namespace) -> dict[str, Any]:
    """Score, print and write, one data set after the other; returns the reports by data set."""
    limits = SessionLimits(arguments.max_time_per_object, arguments.max_interactions)
    session = CurveOptions(limits, arguments.metric, arguments.time_threshold)
    contents: dict[str, Any] = {}
    for dataset, folders in found.items():
        reports = {
            tracker: score_results(
                Request(
                    results=folder,
                    dataset=dataset,
                    tracker=tracker,
                    rule=arguments.rule,
                    ground_truth=arguments.ground_truth,
                    sequences=tuple(arguments.sequences),
                    threads=arguments.threads,
                    quiet=arguments.quiet,
                    session=session,
                    is_class_agnostic=arguments.class_agnostic,
                    best_only=arguments.best_only,
                )
            )
            for tracker, folder in folders.items()
        }
        for report in reports.values():
            print(report.text())
        if len(reports) > 1:
            print(compare_numbers(reports, dataset))
            print(next(iter(reports.values())).summary)
        _write(reports, folders, arguments, dataset if len(found) > 1 else "")
        contents[dataset] = {tracker: report.as_json() for tracker, report in reports.items()}
    return contents


def _find_results(arguments: argparse.Namespace) -> dict[str, Folders]:
    """Folders of results, by the name of the data set and of what made them."""
    dataset = arguments.dataset_name or ""
    if arguments.experiment is not None:
        from pytracking.experiments import load_experiment

        specs, datasets = load_experiment(*arguments.experiment)
        return {name: _folders_of(specs, name, arguments) for name in datasets}
    if arguments.system is not None:
        if arguments.name is None or not dataset:
            raise ConfigError(
                "a tracker is named by two words, SYSTEM NAME, and needs --dataset-name"
            )
        words = [(arguments.system, arguments.name), *arguments.against]
        compared = [TrackerSpec(system, name, run_id=arguments.runid) for system, name in words]
        return {dataset: _folders_of(compared, dataset, arguments)}
    if not arguments.results or arguments.against:
        raise ConfigError("name a tracker (two words), or a folder of masks with --results DIR")
    folders = [Path(folder).expanduser() for folder in arguments.results]
    return {dataset: {str(folder): folder for folder in folders}}


def _folders_of(
    specs: Sequence[TrackerSpec], dataset: str, arguments: argparse.Namespace
) -> Folders:
    if len(arguments.results) > 1:
        raise ConfigError("with a tracker, --results is the one folder of all results")
    base = Path(*arguments.results or [evaluation_environment().results_path]).expanduser()
    return {spec.run_label: _result_folder(spec, base, dataset) for spec in specs}


def _result_folder(spec: TrackerSpec, base: Path, dataset: str) -> Path:
    tracker = base / spec.system / spec.result_name
    folder = tracker / result_name(dataset)
    if folder.exists():
        return folder
    if _has_upstreams_layout(tracker):
        _LOG.warning("%s has no folder per data set: its masks are scored as %s", tracker, dataset)
        return tracker
    hint = ""
    if spec.system not in list_systems():
        hint = did_you_mean(spec.system, list_systems())
    elif spec.name not in list_names(spec.system):
        hint = did_you_mean(spec.name, list_names(spec.system))
    raise ConfigError(
        f"{folder} holds no results{hint}: make them with run_tracker.py "
        f"{spec.system} {spec.name} --dataset-name {dataset}"
    )


def _has_upstreams_layout(tracker: Path) -> bool:
    """Whether masks lie in ``<sequence>/<frame>.png``, in no folder of a data set."""
    return next(tracker.glob("*/*.png"), None) is not None


def _write(
    reports: dict[str, Report], folders: Folders, arguments: argparse.Namespace, part: str
) -> None:
    """Write what was asked for; without a word the tables of the official programs.

    Args:
        reports: Reports by name of the tracker.
        folders: Result folders, by the same names.
        arguments: Arguments of the command line.
        part: Name of the data set where there are several, else empty.
    """
    from pytracking.analysis.reports.writing import write_everything, write_json, write_tables

    if arguments.json not in (None, _STDOUT):
        file = arguments.json
        write_json(reports, file.with_name(f"{part}_{file.name}") if part else file)
    if arguments.output is not None:
        write_everything(reports, arguments.output / part)
        return
    if arguments.sequences:
        return
    for tracker, report in reports.items():
        results = folders[tracker]
        try:
            write_tables(report, results if results.is_dir() else results.parent)
        except OSError as error:
            _LOG.warning("the tables are not written: %s", describe_os_error(error))


def _check_submission(arguments: argparse.Namespace) -> int:
    from pytracking.analysis.files.submission_check import check_submission

    if not arguments.dataset_name:
        raise ConfigError("--check-submission needs --dataset-name")
    expected = expected_submission(arguments.dataset_name, find_root)
    print(check_submission(arguments.check_submission, expected))
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(__doc__)
    _add_what(parser)
    _add_outputs(parser)
    _add_session(parser)
    return parser


def _add_what(parser: CommandParser) -> None:
    parser.add_argument("system", nargs="?", help="tracker, a folder of pytracking/parameter")
    parser.add_argument("name", nargs="?", help="its parameter file, without .py")
    parser.add_plugin()
    parser.add_argument("--dataset-name", metavar="NAME", help=f"data set, or {FOLDER_PREFIX}PATH")
    parser.add_argument(
        "--experiment",
        nargs=2,
        metavar=("MODULE", "NAME"),
        help="compare the trackers of an experiment on its data sets",
    )
    parser.add_argument("--runid", type=int, metavar="N", help="number of the tracker's run")
    parser.add_argument(
        "--against",
        nargs=2,
        action="append",
        default=[],
        metavar=("SYSTEM", "NAME"),
        help="compare with this tracker (repeatable)",
    )
    parser.add_list(
        "--results",
        "results",
        "DIR",
        "with a tracker: folder of all results (results_path); alone: a folder of masks, or a file "
        "of instances; several are compared",
    )
    parser.add_argument(
        "--ground-truth",
        type=Path,
        metavar="PATH",
        help="annotations to score against, in place of the data set's own",
    )
    parser.add_argument(
        "--rule",
        default="official",
        metavar="RULE",
        help="official, davis, unsupervised, youtubevos, pytracking, boxes, interactive (official)",
    )
    parser.add_list("--sequence", "sequences", "NAME", "score only this sequence")
    parser.add_switch("--class-agnostic", "treat all categories as one")
    parser.add_switch("--best-only", "for sentences: AP over the best mask of each image only")
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="number of processes (1)"
    )


def _add_outputs(parser: CommandParser) -> None:
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="write tables, JSON, plots (PNG, TikZ) and a page here; without it the official "
        "tables go beside the results",
    )
    parser.add_argument(
        "--json",
        type=Path,
        nargs="?",
        const=_STDOUT,
        metavar="FILE",
        help="write the numbers as JSON; without FILE to stdout, everything else to stderr",
    )
    parser.add_quiet()
    parser.add_wait()
    parser.add_argument(
        "--check-submission",
        type=Path,
        metavar="FILE.zip",
        help="check a file before it is uploaded, instead of scoring",
    )


def _add_session(parser: CommandParser) -> None:
    group = parser.add_argument_group("interactive rule")
    group.add_argument(
        "--max-time-per-object",
        type=float,
        metavar="S",
        help="time limit of a session, seconds per object (none)",
    )
    group.add_argument(
        "--max-interactions", type=int, metavar="N", help="rounds that count (all in the report)"
    )
    group.add_argument(
        "--metric",
        choices=list(METRICS),
        default="J_AND_F",
        help="measure over which the area under the curve is taken (J_AND_F)",
    )
    group.add_argument(
        "--time-threshold",
        type=float,
        default=60.0,
        metavar="S",
        help="time at which the second score is read, seconds (60)",
    )


if __name__ == "__main__":
    sys.exit(main())
