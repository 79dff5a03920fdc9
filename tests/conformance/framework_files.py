"""Reference cases of files: colours of masks, and checkpoints of upstream's trainer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.checkpoint import Checkpoint, read_checkpoint
from ltr.admin.errors import ToolkitError
from ltr.data.palette import pascal_palette, result_palette
from pytracking.utils.overlay import overlay
from tests.conformance.report import Report
from tests.seeded_weights import seeded_tensor

_OTHER_FIELDS = {"net", "net_type", "constructor"}


def palette(entry: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Both colour maps and an overlay."""
    arrays = np.load(folder / "palette.npz")
    report.equal("palette", "palette", result_palette(), arrays["palette"])
    report.equal("palette", "pascal", pascal_palette(), arrays["pascal"])
    drawn = overlay(arrays["image"], arrays["labels"], entry["alpha"])
    report.equal("palette", "overlay", drawn[::4, ::4], arrays["overlay"])


def legacy_checkpoint(entry: Mapping[str, Any], folder: Path, report: Report, seed: int) -> None:
    """Files of upstream's trainer, read without executing them."""
    for name in entry["files"]:
        try:
            checkpoint = read_checkpoint(folder / name)
        except ToolkitError as error:
            report.fail(name, str(error))
            continue
        fields = _OTHER_FIELDS | set(checkpoint.fields)
        report.equal(name, "fields", sorted(fields), sorted(entry["fields"]))
        report.equal(name, "epoch", checkpoint.epoch, entry["epoch"])
        report.equal(name, "net_type", checkpoint.net_type, entry["net_type"])
        _compare_constructor(name, checkpoint, entry["constructor"], report)
        for key, tensor in checkpoint.net.items():
            report.close(name, key, tensor, seeded_tensor(key, tensor.shape, seed), absolute=0.0)
        for key, history in entry["history"].items():
            report.equal(name, key, _history(checkpoint, key), history)


def _compare_constructor(
    name: str, checkpoint: Checkpoint, wanted: Mapping[str, Any], report: Report
) -> None:
    constructor = checkpoint.constructor
    if constructor is None:
        report.fail(name, "no constructor was found")
        return
    function = f"{wanted['fun_module']}:{wanted['fun_name']}"
    report.equal(name, "constructor", constructor.function, function)
    report.equal(name, "arguments", _plain(constructor.kwargs), _plain(wanted["kwds"]))


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, list | tuple) else v for k, v in arguments.items()}


def _history(checkpoint: Checkpoint, key: str) -> list[float] | None:
    loaders = checkpoint.fields["stats"].values()
    histories = [stats[key]["history"] for stats in loaders if stats and key in stats]
    return list(histories[0]) if histories else None
