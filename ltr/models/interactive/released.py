"""Reads networks of this system: checkpoints of this code, and upstream's plain state dicts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from ltr.admin.errors import CheckpointError
from ltr.admin.loading import load_own_or_released

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
        kind: Class of the network; where a training run has a network of several parts, that part.
        build: Makes the network that upstream's files belong to.

    Returns:
        The network on the CPU, in training mode.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """

    def find(record: Any, path: Path) -> tuple[Callable[[], Network], Mapping[str, Any]] | None:
        return (build, record) if _is_state_dict(record) else None

    loaded = load_own_or_released(path, nn.Module, find)
    for part in (loaded, *loaded.children()):
        if isinstance(part, kind):
            return part
    raise CheckpointError(f"{path} holds a {type(loaded).__name__}, not a {kind.__name__}")


def _is_state_dict(record: object) -> bool:
    if not isinstance(record, Mapping) or not record:
        return False
    return all(isinstance(value, torch.Tensor) for value in record.values())
