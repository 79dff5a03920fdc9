"""Reference cases of JOINT: network stages, training step, tracker functions, tracker runs."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from tests.conformance import (
    joint_checkpoint,
    joint_functions,
    joint_stages,
    joint_tracker,
    joint_training,
)
from tests.conformance.joint_network import golden_network
from tests.conformance.report import Report

_KNOWN_KEYS = {
    "upstream",
    "commit",
    "torch",
    "seed",
    "weight_rule",
    "gains",
    "overrides",
    "constructor_kwargs",
    "state_dict",
    "stages",
    "train",
    "functions",
    "tracker",
}


def run(folder: Path, report: Report) -> None:
    """Run every case of a folder."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for key in sorted(set(manifest) - _KNOWN_KEYS):
        report.fail("manifest", f"unknown entry {key!r}")

    @cache
    def network():
        return golden_network(manifest, manifest["overrides"])

    if "stages" in manifest and (folder / "stages.npz").exists():
        joint_stages.run(network(), manifest, folder, report)
    if "train" in manifest and (folder / "train.npz").exists():
        joint_training.run(manifest, folder, report)
    if "functions" in manifest and (folder / "functions.npz").exists():
        joint_functions.run(manifest, folder, report)
    for case, entry in manifest.get("tracker", {}).items():
        joint_tracker.run(case, entry, manifest, folder, report)
    for path in sorted(folder.glob("*.pth.tar")):
        joint_checkpoint.run(path, report)
