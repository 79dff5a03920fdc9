"""YouTube-VIS 2019 and 2021."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ltr.admin.errors import ConfigError, DataError
from ltr.data.json_io import read_json
from pytracking.analysis.files.submission_check import RESULTS_FILE
from pytracking.analysis.metrics.average_precision import RECALLS
from pytracking.analysis.protocols import youtubevis
from pytracking.analysis.reports.report import Heading, Report, Table, csv_table, undefined
from pytracking.analysis.scorers import servers
from pytracking.analysis.scorers.masks import resolve_rule
from pytracking.analysis.scorers.request import OFFICIAL, Request, no_ground_truth

_COLUMNS = ("AP", "AP50", "AP75", "AR1", "AR10")


def score_youtubevis(request: Request, year: str, split: str) -> Report:
    """Score a ``results.json`` on one set of YouTube-VIS.

    Args:
        request: The evaluation.
        year: ``"2019"`` or ``"2021"``.
        split: ``"train"`` or ``"valid"``.
    """
    resolve_rule(request.rule, OFFICIAL, (OFFICIAL,))
    if request.sequences:
        raise ConfigError("--sequence: average precision is defined over whole data sets only")
    truth = read_json(request.ground_truth or _truth_file(request, year, split))
    if not isinstance(truth, dict) or not truth.get("annotations"):
        raise no_ground_truth(request, servers.YOUTUBEVIS[year])
    results = read_json(request.result_file(RESULTS_FILE))
    if not isinstance(results, list):
        raise DataError(f"{request.results}: expected a list of instances")
    scores = youtubevis.evaluate(truth, results, is_class_agnostic=request.is_class_agnostic)
    return _report(request.heading("YouTube-VIS"), scores)


def _truth_file(request: Request, year: str, split: str) -> Path:
    root = request.find_root(f"ytvis{year}_dir")
    files = (root / f"{split}.json", root / split / "instances.json")
    for file in files:
        if file.is_file():
            return file
    raise DataError(f"neither {files[0]} nor {files[1]} exists")


def _report(heading: Heading, scores: youtubevis.VideoInstanceScores) -> Report:
    curves, names = scores.curves, scores.category_names
    rows = {
        names[category]: tuple(
            undefined(value)
            for value in (
                curves.average_precision(category=category),
                curves.average_precision(0.5, category=category),
                curves.average_precision(0.75, category=category),
                curves.average_recall(1, category=category),
                curves.average_recall(10, category=category),
            )
        )
        for category in curves.categories
    }
    numbers = {name: undefined(value) for name, value in curves.summary().items()}
    csv_files = {
        "global_results.csv": csv_table(list(numbers), [list(numbers.values())]),
        "per-category_results.csv": csv_table(
            ["Category", *_COLUMNS], [[name, *row] for name, row in rows.items()]
        ),
    }
    shown = {name: row for name, row in rows.items() if row[0] == row[0]}
    return Report(
        heading,
        (
            Table(_COLUMNS, shown, "categories with ground truth"),
            Table(tuple(numbers), {}, total=tuple(numbers.values())),
        ),
        scores.summary,
        numbers,
        csv_files,
        curves={
            f"precision at IoU {threshold}": _curve(curves, threshold) for threshold in (0.5, 0.75)
        },
    )


def _curve(curves: Any, threshold: float) -> tuple[str, list[float], str, list[float]]:
    """Mean over the categories that have ground truth."""
    found = [curves.curve(category, threshold) for category in curves.categories]
    defined = [curve for curve in found if curve[0] >= 0]
    mean = sum(defined) / len(defined) if defined else RECALLS * float("nan")
    return "recall", RECALLS.tolist(), "precision", mean.tolist()
