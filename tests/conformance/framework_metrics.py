"""Reference cases of pytracking's analysis: the evaluator of masks and the curves of boxes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pytracking.analysis.protocols.boxes import box_curves, box_errors
from pytracking.analysis.protocols.pytracking import score_video, text_bar_graph
from pytracking.analysis.reports.comparison import comparison_table
from tests.conformance.report import Report

_FRAME_STEP = 5  # the frames of YouTube-VOS


def run(manifest: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Compare the groups of the manifest that are about the analysis."""
    checks = {"metrics": _metrics, "box_metrics": _box_metrics}
    for group, entry in manifest["cases"].items():
        checks[group](entry, np.load(folder / f"{group}.npz"), report)


def _metrics(entry: Mapping[str, Any], arrays: Any, report: Report) -> None:
    truth, predicted = arrays["gt"], arrays["seg"]
    frames = [f"{_FRAME_STEP * index:05d}" for index in range(len(truth))]
    starts = {int(key): Path(name).stem for key, name in entry["first_frame"].items()}
    scores = score_video(truth, predicted, frames, starts)
    for measure, wanted in entry["results"].items():
        for item in scores.objects:
            values = {"J": item.j, "F": item.f}[measure]
            raw = np.array(wanted["raw"][item.label], dtype=np.float64)
            report.close("metrics", f"{measure} of {item.label}", values, raw, absolute=1e-9)
        for name in ("mean", "recall", "decay", "std"):
            found = [
                getattr({"J": o.j_statistics, "F": o.f_statistics}[measure], name)
                for o in scores.objects
            ]
            report.close("metrics", f"{measure} {name}", found, wanted[name], absolute=1e-9)
    graph = text_bar_graph(np.array(entry["bargraph_in"], dtype=np.float64))
    report.equal("metrics", "bargraph", graph, entry["bargraph"])


def _box_metrics(entry: Mapping[str, Any], arrays: Any, report: Report) -> None:
    errors = box_errors(arrays["pred"], arrays["anno"])
    curves = box_curves(errors)
    found = {
        "overlap": errors.overlap,
        "center": errors.centre,
        "center_norm": errors.normalised,
        "success": curves.success,
        "precision": curves.precision,
    }
    for name, values in found.items():
        report.close("box_metrics", name, values, arrays[name], absolute=1e-6)
    report.equal("box_metrics", "valid", errors.is_valid, arrays["valid"])
    for name, value in (("AUC", curves.auc), ("precision20", curves.precision_at_20)):
        report.close("box_metrics", name, 100 * value, entry[name], relative=1e-6)
    report.equal("box_metrics", "report", _table(entry["report_in"]), entry["report"])


def _table(text: str) -> str:
    """The table of a text like ``rows [a, b], scores X [1, 2], Y [3, 4], table name t``."""
    rows = re.search(r"rows \[([^]]*)\]", text).group(1).split(", ")
    scores = {
        name: [float(value) for value in values.split(",")]
        for name, values in re.findall(r"([\w&-]+) \[([^]]*)\]", text.partition("scores ")[2])
    }
    return comparison_table(rows, scores, re.search(r"table name (.*)$", text).group(1))
