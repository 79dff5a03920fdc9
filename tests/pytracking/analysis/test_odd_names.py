"""Names of sequences that terminals, spreadsheets and plots would interpret."""

from __future__ import annotations

import csv
import io

import pytest

from ltr.admin.errors import ConfigError
from pytracking.analysis.reports.figures import Figure, Series
from pytracking.analysis.reports.plots import draw_png
from pytracking.analysis.reports.report import Heading, Report, Table, csv_table
from pytracking.analysis.reports.writing import write_everything
from pytracking.evaluation.tracker import TrackerSpec

NAMES = ("a,b", "=1+1", 'say "x"', "$a_$b", "two\nlines", "\x1b[31mred", "caf\udce9")


def test_cells_are_quoted_and_not_computed():
    text = csv_table(["Sequence", "J"], [[name, 0.5] for name in NAMES])
    rows = list(csv.reader(io.StringIO(text)))
    assert [row[1] for row in rows] == ["J", *["0.500"] * len(NAMES)]
    assert [row[0] for row in rows[1:4]] == ["a,b", "'=1+1", 'say "x"']


def test_reports_are_printable_and_written(tmp_path):
    table = Table(("J",), dict.fromkeys(NAMES, (0.5,)), NAMES[-1])
    report = Report(Heading("t", NAMES[-2]), (table,), "J=50.0", {"J": 0.5}, {"a.csv": NAMES[-1]})
    shown = report.text()
    shown.encode()
    assert "\x1b" not in shown
    write_everything({"t": report}, tmp_path)
    assert (tmp_path / "a.csv").read_text() == r"caf\udce9"


def test_dollars_are_no_formulas():
    series = (Series(NAMES[3], [0.0] * len(NAMES), [50.0] * len(NAMES)),)
    assert draw_png(Figure("f", NAMES[3], "x", "y", series, "bars", NAMES)).startswith(b"\x89PNG")


@pytest.mark.parametrize("word", ["checks", "base", "clip"])
def test_shared_modules_are_no_trackers(word):
    with pytest.raises(ConfigError, match=f"there is no tracker '{word}'"):
        _ = TrackerSpec(word, "x").kind
