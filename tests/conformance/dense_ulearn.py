"""Reference cases of Dense Unsupervised Learning; the manifest of a case says what it is."""

from __future__ import annotations

import json
from pathlib import Path

from ltr.admin.errors import ToolkitError
from tests.conformance import (
    dense_ulearn_network,
    dense_ulearn_propagation,
    dense_ulearn_training,
)
from tests.conformance.report import Report

_KINDS = {
    "features": dense_ulearn_network.run,
    "propagation_units": dense_ulearn_propagation.run_units,
    "label_propagation": dense_ulearn_propagation.run_sequence,
    "augmentation": dense_ulearn_training.run_views,
    "training_step": dense_ulearn_training.run_steps,
}
_KNOWN_FILES = {"state_dict.json", "README.md"}


def run(folder: Path, report: Report) -> None:
    """Run every case of a folder."""
    if (folder / "state_dict.json").exists():
        dense_ulearn_network.run_state_dict(folder, report)
    for path in sorted(folder.iterdir()):
        manifest = path / "manifest.json"
        if manifest.is_file():
            _run_case(path, json.loads(manifest.read_text()), report)
        elif path.name not in _KNOWN_FILES:
            report.fail(path.name, "neither a case nor a known file")


def _run_case(case: Path, manifest: dict, report: Report) -> None:
    kind = manifest.get("kind")
    if kind not in _KINDS:
        report.fail(case.name, f"unknown kind {kind!r}")
        return
    try:
        _KINDS[kind](case, manifest, report)
    except (ToolkitError, OSError, ValueError, KeyError, TypeError) as error:
        report.fail(case.name, f"{type(error).__name__}: {error}")
