"""Reference cases of the evaluation: ``python -m tests.conformance metrics FOLDER``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.conformance.metrics_files import load
from tests.conformance.metrics_instances import interactive, refer, ytvis
from tests.conformance.metrics_masks import (
    davis,
    pairs,
    pytracking_eval,
    statistics,
)
from tests.conformance.report import Report

_PARTS: dict[str, Callable[[Path, Report], None]] = {
    "pairs": pairs,
    "pytracking_eval": pytracking_eval,
    "ytvis": ytvis,
    "interactive": interactive,
    "refer": refer,
}
_GROUPS = {"semi", "unsup"}
_NO_CASES = {"README.md", "manifest.json"}


def run(folder: Path, report: Report) -> None:
    """Compare every case found in a folder of reference values.

    Args:
        folder: In the format of the metrics part.
        report: Takes the outcomes.
    """
    for entry in sorted(folder.iterdir()):
        if entry.name in _NO_CASES:
            continue
        if entry.name == "statistics.json":
            _guard(entry.name, report, lambda: statistics(load(folder / "statistics.json"), report))
        elif entry.name in _PARTS:
            _guard(entry.name, report, lambda entry=entry: _PARTS[entry.name](entry, report))
        elif entry.name in _GROUPS:
            _run_group(entry, report)
        else:
            report.fail(entry.name, "unknown entry")


def _run_group(folder: Path, report: Report) -> None:
    for case in sorted(folder.iterdir()):
        name = f"{folder.name}/{case.name}"
        if (case / "expected.json").is_file():
            _guard(name, report, lambda case=case, name=name: davis(name, case, report))
        else:
            report.fail(name, "unknown entry: there is no expected.json")


def _guard(case: str, report: Report, compare: Callable[[], None]) -> None:
    """A case that cannot be read or computed fails; the others go on."""
    try:
        compare()
    except Exception as error:  # whatever a case does to the code must be counted
        report.fail(case, f"{type(error).__name__}: {error}")
