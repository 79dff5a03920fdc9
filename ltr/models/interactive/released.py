"""Reads networks of this system: checkpoints of this code, and upstream's plain state dicts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from ltr.admin.checkpoint import as_state_dict
from ltr.admin.errors import CheckpointError
from ltr.admin.loading import load_network, load_state
from ltr.admin.tensor_files import read_tensor_file

Network = TypeVar("Network", bound=nn.Module)


def without_module_prefix(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Drop the ``module.`` that training on several GPUs puts before every key."""
    return {key.removeprefix("module."): value for key, value in state.items()}


def load_released(
    path: str | os.PathLike[str], kind: type[Network], build: Callable[[], Network]
) -> Network:
    """Load a network; entries that are missing or do not fit are an error.

    Args:
        path: A checkpoint or training folder of this code, or a flat state dict of upstream.
        kind: Class of the network.
        build: Makes the network that upstream's files belong to.

    Returns:
        The network on the CPU, in training mode.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """
    path = Path(path)
    record = None if path.is_dir() else read_tensor_file(path)
    if _is_state_dict(record):
        network = build()
        load_state(network, as_state_dict(record, path), path)
        return network
    network = load_network(path)
    if not isinstance(network, kind):
        raise CheckpointError(f"{path} holds a {type(network).__name__}, not a {kind.__name__}")
    return network


def _is_state_dict(record: object) -> bool:
    is_mapping = isinstance(record, Mapping) and bool(record)
    return is_mapping and all(isinstance(value, torch.Tensor) for value in record.values())
