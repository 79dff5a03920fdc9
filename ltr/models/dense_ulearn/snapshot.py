"""Reads networks of this system: checkpoints of this code, and upstream's snapshots."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ltr.admin.loading import load_own_or_released
from ltr.models.dense_ulearn.dense_ulearn_net import DenseULearnNet, dense_ulearn_resnet18


def load_dense_ulearn(path: str | os.PathLike[str]) -> DenseULearnNet:
    """Load a network; entries that are missing or do not fit are an error.

    Args:
        path: A checkpoint or training folder of this code, or a snapshot of upstream:
            ``{"model": state dict, "opt", "score", "epoch"}``.

    Returns:
        The network on the CPU, in training mode.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """
    return load_own_or_released(path, DenseULearnNet, _find)


def _find(record: Any, path: Path) -> tuple[Callable[[], DenseULearnNet], Mapping[str, Any]] | None:
    if isinstance(record, dict) and "model" in record:
        return dense_ulearn_resnet18, record["model"]
    return None
