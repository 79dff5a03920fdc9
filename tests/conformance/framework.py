"""Reference cases of the training and evaluation framework; each key of the manifest is a group."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.conformance import (
    framework_augmentation,
    framework_crops,
    framework_datasets,
    framework_files,
    framework_losses,
    framework_metrics,
    framework_sampler,
    framework_tracker,
)
from tests.conformance.report import Report

Check = Callable[[Mapping[str, Any], Path, Report], None]

_GROUPS: Mapping[str, Check] = {
    "train_crops": framework_crops.train_crops,
    "square_crops": framework_crops.square_crops,
    "jitter": framework_crops.jitter,
    "mask_boxes": framework_crops.mask_boxes,
    "transforms": framework_augmentation.transforms,
    "processing": framework_augmentation.processing,
    "sampler": framework_sampler.sampler,
    "lr_schedule": framework_losses.lr_schedule,
    "losses": framework_losses.losses,
    "palette": framework_files.palette,
}
_MODULES = {
    framework_tracker: ("tracker_patches", "init_patches", "mask_boxes", "merge", "default_merge"),
    framework_datasets: ("datasets",),
    framework_metrics: ("metrics", "box_metrics"),
}


def run(folder: Path, report: Report) -> None:
    """Run every case of a folder; a group that cannot be run counts as failed."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for group, entry in manifest["cases"].items():
        checks = _checks_of(group, entry, manifest)
        if not checks:
            report.fail(group, "unknown group")
        for check in checks:
            try:
                check(folder, report)
            except (LookupError, ValueError, TypeError, OSError) as error:
                report.fail(group, f"{type(error).__name__}: {error}")
    framework_datasets.jjvalid(folder, report)


def _checks_of(
    group: str, entry: Mapping[str, Any], manifest: Mapping[str, Any]
) -> list[Callable[[Path, Report], None]]:
    checks: list[Callable[[Path, Report], None]] = []
    if group in _GROUPS:
        checks.append(partial(_GROUPS[group], entry))
    if group == "legacy_checkpoint":
        checks.append(partial(framework_files.legacy_checkpoint, entry, seed=manifest["seed"]))
    for module, groups in _MODULES.items():
        if group in groups:
            checks.append(partial(module.run, {**manifest, "cases": {group: entry}}))
    return checks
