"""Several trackers side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ltr.admin.optional import import_optional
from pytracking.analysis.reports.report import Report, csv_table

if TYPE_CHECKING:
    import pandas as pd

_MIN_WIDTH = 10


def comparison_table(
    labels: Sequence[str], scores: Mapping[str, Sequence[float]], title: str = ""
) -> str:
    """The table that pytracking prints.

    Args:
        labels: Names of the trackers.
        scores: Values per measure, one per tracker; printed unchanged.
        title: Left of the names of the measures.

    >>> print(comparison_table(["a"], {"J-Mean": [83.456]}, "dv"))
    <BLANKLINE>
    dv      | J-Mean     |
    a       | 83.46      |
    <BLANKLINE>
    """
    width = max(map(len, [*labels, title])) + 5
    widths = [max(_MIN_WIDTH, len(name) + 3) for name in scores]
    rows = [[title, *scores]]
    for place, label in enumerate(labels):
        rows.append([label, *(f"{values[place]:.2f}" for values in scores.values())])
    lines = [
        " ".join(f"{cell:<{space}} |" for cell, space in zip(row, [width, *widths], strict=True))
        for row in rows
    ]
    return "\n".join(["", *lines, ""])


def compare_numbers(reports: Mapping[str, Report], title: str) -> str:
    """That table of the totals of several reports, in percent.

    Args:
        reports: Reports by name of the tracker, all with the same measures.
        title: Left of the names of the measures.
    """
    measures = next(iter(reports.values())).numbers
    scores = {
        name: [100 * report.numbers[name] for report in reports.values()] for name in measures
    }
    return comparison_table(list(reports), scores, title)


def comparison_csv(numbers: Mapping[str, Mapping[str, float]]) -> str:
    """One row a tracker, one column a measure.

    Args:
        numbers: Values by tracker and measure, 0..1.
    """
    columns = list(dict.fromkeys(name for values in numbers.values() for name in values))
    rows: list[list[str | float]] = [
        [tracker, *(values.get(name, math.nan) for name in columns)]
        for tracker, values in numbers.items()
    ]
    return csv_table(["Tracker", *columns], rows)


def comparison_frame(numbers: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """The same for pandas: indexed by ``tracker``, one column a measure.

    Args:
        numbers: Values by tracker and measure, 0..1, for instance ``Report.numbers``.

    Raises:
        ConfigError: pandas is not installed.
    """
    pandas = import_optional("pandas", "a data frame", "plots")
    frame: pd.DataFrame = pandas.DataFrame.from_dict(
        {tracker: dict(values) for tracker, values in numbers.items()}, orient="index"
    )
    return frame.rename_axis("tracker")
