"""Writes what an evaluation found: tables, JSON, plots, a page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ltr.admin.files import atomic_write
from pytracking.analysis.reports.comparison import comparison_csv
from pytracking.analysis.reports.figures import Figure, compare_trackers, figures_of
from pytracking.analysis.reports.html import html_page
from pytracking.analysis.reports.paired import (
    Cost,
    difference_table,
    interval_table,
    paired_scores,
)
from pytracking.analysis.reports.plots import draw_png
from pytracking.analysis.reports.report import Report, plain_numbers, table_json
from pytracking.analysis.reports.tikz import draw_tikz

JSON_FILE, PAGE_FILE, PLOTS_FOLDER = "evaluation.json", "report.html", "plots"
COMPARISON_FILE = "comparison.json"


def write_everything(
    reports: Mapping[str, Report], folder: Path, costs: Mapping[str, Cost] | None = None
) -> None:
    """Write tables, JSON, plots (PNG and TikZ) and the page of one or more trackers.

    One tracker's files lie in ``folder``; those of several in a folder each, and beside these
    lies what compares them.

    Args:
        reports: Reports by name of the tracker.
        folder: Is created.
        costs: What the trackers took, by the same names.

    Raises:
        OSError: It cannot be written.
    """
    if len(reports) == 1:
        (report,) = reports.values()
        figures = figures_of(report)
        _write_one(report, folder, figures)
    else:
        for name, report in reports.items():
            _write_one(report, folder / folder_name(name), figures_of(report))
        figures = compare_trackers(reports)
        _write_figures(figures, folder / PLOTS_FOLDER)
        numbers = {name: report.numbers for name, report in reports.items()}
        _write(folder / "comparison.csv", comparison_csv(numbers))
        content = json.dumps(comparison_json(reports, costs or {}), indent=1, allow_nan=False)
        _write(folder / COMPARISON_FILE, content + "\n")
    _write(folder / PAGE_FILE, html_page(reports, figures, costs))


def write_tables(report: Report, folder: Path) -> None:
    """Write the CSV tables.

    Raises:
        OSError: The folder cannot be written.
    """
    for name, text in report.csv_files.items():
        _write(folder / name, text)


def comparison_json(reports: Mapping[str, Report], costs: Mapping[str, Cost]) -> dict[str, Any]:
    """What compares several trackers, as plain values; NaN becomes None."""
    scored = paired_scores(reports)
    tables = {"intervals": interval_table(scored, costs), "sequences": difference_table(scored)}
    return {
        "trackers": {
            name: {
                "numbers": plain_numbers(report.numbers),
                **plain_numbers(asdict(costs.get(name, Cost()))),
            }
            for name, report in reports.items()
        },
        **({name: table_json(table) for name, table in tables.items()} if scored else {}),
    }


def write_json(reports: Mapping[str, Report], file: Path) -> None:
    """Write everything that was found; of several trackers by their names.

    Raises:
        OSError: The file cannot be written.
    """
    contents = {name: report.as_json() for name, report in reports.items()}
    content = contents if len(contents) > 1 else next(iter(contents.values()))
    _write(file, json.dumps(content, indent=1, allow_nan=False) + "\n")


def folder_name(tracker: str) -> str:
    """Name of a tracker as a folder.

    >>> folder_name("joint joint_davis")
    'joint_joint_davis'
    """
    return re.sub(r"[^\w.-]+", "_", tracker).strip("._") or "results"


def _write_one(report: Report, folder: Path, figures: Sequence[Figure]) -> None:
    write_tables(report, folder)
    write_json({"": report}, folder / JSON_FILE)
    _write_figures(figures, folder / PLOTS_FOLDER)


def _write_figures(figures: Sequence[Figure], folder: Path) -> None:
    for figure in figures:
        with atomic_write(folder / f"{figure.name}.png") as stream:
            stream.write(draw_png(figure))
        _write(folder / f"{figure.name}.tex", draw_tikz(figure))


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))
