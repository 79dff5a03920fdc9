"""Scoring results on a data set that is known by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.admin.plugins import plugin_parts
from pytracking.analysis.reports.report import Report
from pytracking.analysis.scorers.folder import score_folder
from pytracking.analysis.scorers.request import Request
from pytracking.analysis.scorers.submissions import FindRoot, Submission
from pytracking.evaluation.datasets.records import all_records, find_record
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.utils.environment import evaluation_environment
from pytracking.utils.folder_names import (
    folder_path,
    folder_result_name,
    is_file_name,
    is_folder_name,
)


def score_results(request: Request) -> Report:
    """Score results on a data set.

    Raises:
        ConfigError: An unknown data set, a rule that it does not have, or no ground truth.
        DataError: Results or annotations are missing or damaged.
    """
    if not request.dataset or is_folder_name(request.dataset):
        return score_folder(request)
    name = result_name(request.dataset)
    return _scorer(name)(replace(request, dataset=name))


def evaluate_vos(
    trackers: Sequence[TrackerSpec],
    dataset: str = "yt2019_jjval",
    force: bool = False,
    *,
    results: Path | None = None,
) -> None:
    """Score masks by pytracking's rule, print the scores, and write its tables beside the masks.

    Args:
        trackers: Runs, as ``trackerlist`` gives them.
        dataset: Name of the data set.
        force: For calls that were written for pytracking, which believes the tables of earlier
            calls; here they are always replaced.
        results: Folder of all results; None takes ``results_path``.

    Raises:
        ConfigError: There is no tracker, or the data set is unknown or has no ground truth.
        DataError: Masks or annotations are missing or damaged.
        OSError: The tables cannot be written.
    """
    from pytracking.analysis.reports.comparison import compare_numbers
    from pytracking.analysis.reports.writing import write_tables

    if not trackers:
        raise ConfigError("no tracker is given")
    base = results or Path(evaluation_environment().results_path).expanduser()
    reports: dict[str, Report] = {}
    for tracker in trackers:
        folder = base / tracker.system / tracker.result_name / result_name(dataset)
        request = Request(folder, dataset=dataset, tracker=tracker.run_label, rule="pytracking")
        reports[tracker.run_label] = report = score_results(request)
        write_tables(report, folder)
        print(report.text())
    print(compare_numbers(reports, dataset))


def _scorer(name: str) -> Callable[[Request], Report]:
    record = all_records().get(name)
    score = (record and record.score) or _plugin_scorers().get(name)
    if score is None:
        raise ConfigError(f"there is no scorer for the data set {name!r}")
    return score


def _plugin_scorers() -> dict[str, Callable[[Request], Report]]:
    added = (part.load().EVALUATORS for part in plugin_parts("scorers").values())
    return {name: scorer for table in added for name, scorer in table.items()}


def result_name(dataset: str) -> str:
    """Name of a data set as part of the path of its results.

    Raises:
        ConfigError: An unknown data set.
    """
    if is_folder_name(dataset):
        return folder_result_name(folder_path(dataset))
    if is_file_name(dataset):
        raise ConfigError(
            f"{dataset} has no rule of its own: score its results with --results DIR and "
            "--dataset-name dv2017_unsup_val, or that of a YouTube-VIS set"
        )
    name = dataset.lower()
    if name not in _plugin_scorers():
        find_record(name)
    return name


def expected_submission(dataset: str, find_root: FindRoot) -> Submission:
    """What an archive for a data set must hold.

    Args:
        dataset: Name of the data set.
        find_root: Gives the folder of a path variable.

    Raises:
        ConfigError: There is no server for it, or its path variable is not set.
        DataError: The data set is not complete here.
    """
    servers = {
        name: record.submission
        for name, record in all_records().items()
        if record.submission is not None
    }
    if dataset.lower() not in servers:
        hint = did_you_mean(dataset.lower(), servers)
        raise ConfigError(f"no server takes results of {dataset!r}{hint}")
    return servers[dataset.lower()](find_root)
