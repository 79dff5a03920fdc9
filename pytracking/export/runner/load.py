"""Opens a folder of exported graphs as a tracker."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ltr.admin.errors import ConfigError, DataError, did_you_mean
from pytracking.export.runner.dense_ulearn import ExportedDenseULearn
from pytracking.export.runner.graphs import ExportedGraph, open_graphs
from pytracking.export.runner.joint import ExportedJoint
from pytracking.export.runner.manifest import Manifest, read_manifest
from pytracking.export.runner.output import ExportedTracker

_RUNNERS: dict[str, Callable[[Manifest, dict[str, ExportedGraph]], ExportedTracker]] = {
    "dense_ulearn": ExportedDenseULearn,
    "joint": ExportedJoint,
}


def load_exported(
    folder: str | os.PathLike[str], threads: int = 0, trusted: bool = False
) -> ExportedTracker:
    """Open an exported tracker.

    Args:
        folder: What ``export_tracker.py`` wrote.
        threads: Threads of onnxruntime; 0 for one per core.
        trusted: Whether it may be a program of PyTorch, which can do anything when it is loaded;
            graphs of ONNX cannot.

    Raises:
        ConfigError: The package that runs the graphs is missing, or a program is not trusted.
        DataError: The folder is not an exported tracker, is damaged, or of a tracker unknown here.
    """
    manifest = read_manifest(Path(folder))
    if manifest.system not in _RUNNERS:
        raise DataError(
            f"{folder} is an exported {manifest.system!r}, which this version cannot run"
            f"{did_you_mean(manifest.system, _RUNNERS)}"
        )
    if manifest.form == "torch-export" and not trusted:
        raise ConfigError(
            f"{folder} holds programs of PyTorch, which can do anything when they are loaded: "
            "where you know who made them, say so with --trust"
        )
    return _RUNNERS[manifest.system](manifest, open_graphs(manifest, threads))
