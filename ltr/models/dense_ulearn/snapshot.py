"""Reads networks of this system: checkpoints of this code, and upstream's snapshots."""

from __future__ import annotations

import os
from pathlib import Path

from ltr.admin.checkpoint import as_state_dict
from ltr.admin.errors import CheckpointError
from ltr.admin.loading import load_network, load_state
from ltr.admin.tensor_files import read_tensor_file
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
    path = Path(path)
    record = None if path.is_dir() else read_tensor_file(path)
    if isinstance(record, dict) and "model" in record:
        network = dense_ulearn_resnet18()
        load_state(network, as_state_dict(record["model"], path), path)
        return network
    network = load_network(path)
    if not isinstance(network, DenseULearnNet):
        raise CheckpointError(f"{path} holds a {type(network).__name__}, not a DenseULearnNet")
    return network
