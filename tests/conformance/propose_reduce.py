"""Reference cases of Propose-Reduce; every entry of ``cases.json`` is one."""

from __future__ import annotations

import json
from pathlib import Path

from ltr.admin.errors import ToolkitError
from tests.conformance import (
    propose_reduce_losses,
    propose_reduce_network,
    propose_reduce_pipeline,
    propose_reduce_rules,
)
from tests.conformance.report import Report

_KINDS = {
    "backbone": propose_reduce_network.run_backbone,
    "rpn": propose_reduce_network.run_proposals,
    "roi": propose_reduce_network.run_boxes,
    "prop": propose_reduce_network.run_propagation,
    "pipeline": propose_reduce_pipeline.run,
    "reduce": propose_reduce_rules.run_reductions,
    "losses": propose_reduce_losses.run,
    "metric": propose_reduce_rules.run_metric,
}
_INPUTS = "preprocess.npz"
_FILES = {"README.md", "cases.json", _INPUTS}
_ENDINGS = (".npz", "_results.json", "_gt.json", "_expected.json")


def run(folder: Path, report: Report) -> None:
    """Run every case of a folder."""
    cases = json.loads((folder / "cases.json").read_text())["cases"]
    for name in sorted(cases):
        _attempt(name, lambda name=name: _run_case(name, folder, cases[name], report), report)
    if (folder / _INPUTS).exists():
        _attempt(_INPUTS, lambda: propose_reduce_rules.run_inputs(folder / _INPUTS, report), report)
    for path in sorted(folder.glob("manifest_*.json")):
        _attempt(path.name, lambda p=path: propose_reduce_network.run_manifest(p, report), report)
    known = _FILES | {f"{name}{ending}" for name in cases for ending in _ENDINGS}
    for path in sorted(folder.iterdir()):
        if path.name not in known and not path.name.startswith("manifest_"):
            report.fail(path.name, "neither part of a case nor a known file")


def _run_case(name: str, folder: Path, entry: dict, report: Report) -> None:
    kind = name.partition("_")[0]
    if kind not in _KINDS:
        report.fail(name, f"unknown kind {kind!r}")
        return
    _KINDS[kind](name, folder, entry, report)


def _attempt(name: str, work: object, report: Report) -> None:
    try:
        work()
    except (ToolkitError, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        report.fail(name, f"{type(error).__name__}: {error}")
