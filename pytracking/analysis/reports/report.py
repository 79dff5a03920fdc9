"""What an evaluation found, ready to be printed or written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ltr.admin.optional import import_optional
from pytracking.analysis.metrics.scores import Scores

if TYPE_CHECKING:
    import pandas as pd

_MAX_ROWS = 60
_SHOWN_OF_MANY = 20
_GAP = "  "

TOTAL = "all"


@dataclass(frozen=True)
class Table:
    """Numbers with names.

    Args:
        columns: Names of the numbers.
        rows: Numbers by the name of the row, 0..1; NaN = undefined.
        title: Printed above.
        remarks: Text behind a row, by its name.
        total: The numbers of all rows together.
    """

    columns: tuple[str, ...]
    rows: Mapping[str, tuple[float, ...]]
    title: str = ""
    remarks: Mapping[str, str] = field(default_factory=dict)
    total: tuple[float, ...] | None = None

    def text(self) -> str:
        """Aligned columns in percent; of very many rows the worst by the first column."""
        names = list(self.rows)
        if len(names) > _MAX_ROWS:
            names = sorted(names, key=lambda name: _sort_key(self.rows[name][0]))[:_SHOWN_OF_MANY]
        cells = [["", *self.columns]]
        cells += [[name, *map(format_percent, self.rows[name])] for name in names]
        if self.total is not None:
            cells.append([TOTAL, *map(format_percent, self.total)])
        lines = _align(cells)
        for place, name in enumerate(names, start=1):
            lines[place] += _GAP + self.remarks[name] if name in self.remarks else ""
        if self.total is not None and names:
            lines.insert(-1, "-" * len(lines[0]))
        if len(names) < len(self.rows):
            lines.insert(len(names) + 1, f"(the {len(names)} worst of {len(self.rows)})")
        return "\n".join([self.title, *lines] if self.title else lines)


@dataclass(frozen=True)
class Heading:
    """What was scored.

    Args:
        tracker: What made the results.
        benchmark: Data set and rule.
    """

    tracker: str
    benchmark: str

    def __str__(self) -> str:
        return f"{self.tracker} on {self.benchmark}"


@dataclass(frozen=True)
class Report:
    """The outcome of an evaluation.

    Args:
        heading: What was scored.
        tables: To be printed, the totals last.
        summary: The last line, for machines.
        numbers: The totals by name, 0..1.
        csv_files: Text by file name.
        scores: Scores of objects and frames, if masks were compared.
        curves: Named curves: label of the x axis, its values, label of y, its values.
    """

    heading: Heading
    tables: tuple[Table, ...]
    summary: str
    numbers: Mapping[str, float]
    csv_files: Mapping[str, str] = field(default_factory=dict)
    scores: Scores | None = None
    curves: Mapping[str, tuple[str, Sequence[float], str, Sequence[float]]] = field(
        default_factory=dict
    )

    def text(self) -> str:
        """The whole report; its last line is the summary."""
        parts = [str(self.heading), *(table.text() for table in self.tables), self.summary]
        return printable("\n\n".join(parts), keep="\n")

    def to_dataframe(self) -> pd.DataFrame:
        """All tables below each other, for pandas.

        Returns:
            One row a row of a table, indexed by ``table`` (its title) and ``row`` (``all`` for the
            total); one column a measure, 0..1, NaN where a table lacks it.

        Raises:
            ConfigError: pandas is not installed.
        """
        pandas = import_optional("pandas", "a data frame", "plots")
        values, index = [], []
        for table in self.tables:
            total = {} if table.total is None else {TOTAL: table.total}
            for name, row in (dict(table.rows) | total).items():
                index.append((table.title, name))
                values.append(dict(zip(table.columns, row, strict=True)))
        labels = pandas.MultiIndex.from_tuples(index, names=["table", "row"])
        frame: pd.DataFrame = pandas.DataFrame.from_records(values, index=labels)
        return frame

    def as_json(self) -> dict[str, Any]:
        """Everything as plain values; NaN becomes None."""
        return {
            "tracker": self.heading.tracker,
            "benchmark": self.heading.benchmark,
            "summary": self.summary,
            "numbers": plain_numbers(self.numbers),
            "tables": list(map(table_json, self.tables)),
            "objects": [] if self.scores is None else _objects(self.scores),
            "curves": {
                name: {x_label: _plains(x), y_label: _plains(y)}
                for name, (x_label, x, y_label, y) in self.curves.items()
            },
        }


def table_json(table: Table) -> dict[str, Any]:
    """A table as plain values; NaN becomes None."""
    return {
        "title": table.title,
        "columns": list(table.columns),
        "rows": {name: _plains(row) for name, row in table.rows.items()},
        "total": None if table.total is None else _plains(table.total),
    }


def plain_numbers(numbers: Mapping[str, float]) -> dict[str, float | None]:
    """Numbers by name; NaN becomes None."""
    return {name: _plain(value) for name, value in numbers.items()}


def printable(text: str, keep: str = "") -> str:
    """Text that a terminal shows as it is: other characters as Python writes them.

    >>> printable("dog\x1b[31m")
    'dog\\\\x1b[31m'
    """
    return "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)


def format_percent(value: float) -> str:
    """A number between 0 and 1 in percent with one decimal; a dash when it is undefined.

    >>> format_percent(0.8346), format_percent(float("nan")), format_percent(-0.031)
    ('83.5', '-', '-3.1')
    """
    return "-" if math.isnan(value) else f"{100 * value:.1f}"


def undefined(value: float) -> float:
    """NaN for -1, the mark of an undefined average precision."""
    return math.nan if value < 0 else value


def csv_table(columns: Sequence[str], rows: Iterable[Iterable[str | float]]) -> str:
    """A table as the official programs write it: three decimals, no index.

    >>> csv_table(["Sequence", "J-Mean"], [["dog_1", 0.8346]])
    'Sequence,J-Mean\\ndog_1,0.835\\n'
    """
    lines = [",".join(map(_csv_cell, columns))]
    for row in rows:
        lines.append(",".join(map(_csv_cell, row)))
    return "\n".join(lines) + "\n"


def _csv_cell(value: str | float) -> str:
    if isinstance(value, str):
        value = printable(value)
        if value.startswith(("=", "@", "+", "-")):  # spreadsheets would compute it
            value = f"'{value}"
        return '"' + value.replace('"', '""') + '"' if set(value) & set(',"') else value
    return "" if math.isnan(value) else f"{value:.3f}"


def _align(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for name, *values in cells:
        numbers = [value.rjust(width) for value, width in zip(values, widths[1:], strict=True)]
        lines.append(_GAP.join([name.ljust(widths[0]), *numbers]).rstrip())
    return lines


def _sort_key(value: float) -> float:
    return math.inf if math.isnan(value) else value


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _plains(values: Iterable[float]) -> list[float | None]:
    return [_plain(value) for value in values]


def _objects(scores: Scores) -> list[dict[str, Any]]:
    return [
        {
            "name": item.name,
            "sequence": item.sequence,
            "frames": list(item.frames),
            "J": _plains(item.j),
            "F": _plains(item.f),
            "J_statistics": dict(
                zip(item.j_statistics._fields, _plains(item.j_statistics), strict=True)
            ),
            "F_statistics": dict(
                zip(item.f_statistics._fields, _plains(item.f_statistics), strict=True)
            ),
        }
        for item in scores.objects
    ]
