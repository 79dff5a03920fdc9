"""Reference cases of referring segmentation; what to build follows from a case's description."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ltr.admin.errors import ToolkitError
from tests.conformance import (
    referring_criterion,
    referring_layers,
    referring_network,
    referring_transformer,
)
from tests.conformance.referring_case import Case
from tests.conformance.referring_rules import RULES
from tests.conformance.report import Report

_KINDS = {
    "criterion": referring_criterion.run,
    "fusion": referring_layers.run_fusion,
    "mask_head": referring_layers.run_mask_head,
    "msda": referring_layers.run_deformable_attention,
    "pixel_decoder": referring_layers.run_pixel_decoder,
    "posenc": referring_layers.run_positions,
    "tf2_decoder_layer": referring_transformer.run_layer,
    "transformer": referring_transformer.run,
}
_OTHER_FILES = {"manifest.json", "manifests", "README.md"}


def run(folder: Path, report: Report) -> None:
    """Run every case of a folder."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        report.fail(folder.name, "it has no manifest.json")
        return
    cases = json.loads(manifest.read_text())["cases"]
    known = {entry[part] for entry in cases.values() for part in ("arrays", "description")}
    for path in sorted(folder.iterdir()):
        if path.name not in known | _OTHER_FILES:
            report.fail(path.name, "neither a file of a case nor a known file")
    for name, entry in cases.items():
        try:
            _run_case(Case(folder, name, entry, report))
        except (ToolkitError, OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
            report.fail(name, f"{type(error).__name__}: {error}")


def _run_case(case: Case) -> None:
    kind = re.sub(r"_c\d+$", "", case.name)
    if "clips" in case.description:
        referring_network.run(case)
    elif "input" in case.description and "shape" in case.description:
        referring_network.run_backbone(case)
    elif kind in _KINDS:
        _KINDS[kind](case)
    elif kind in RULES:
        RULES[kind](case.name, case.description, case.arrays, case.report)
        return
    else:
        case.report.fail(case.name, "unknown kind of case")
        return
    case.finish()
