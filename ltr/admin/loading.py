"""Builds the network that a checkpoint describes and fills it with the checkpoint's weights."""

from __future__ import annotations

import importlib
import inspect
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from ltr.admin.checkpoint import Checkpoint, as_state_dict, find_checkpoint, read_checkpoint
from ltr.admin.errors import CheckpointError, ConfigError, did_you_mean
from ltr.admin.model_constructor import adapt_arguments, is_model_constructor
from ltr.admin.tensor_files import read_tensor_file

Network = TypeVar("Network", bound=nn.Module)

_FACTORY = re.compile(r"(ltr\.models(?:\.[a-z][a-z0-9_]*)+):([a-z][a-z0-9_]*)")


def load_network(
    path: str | os.PathLike[str], epoch: int | None = None, **overrides: Any
) -> nn.Module:
    """Rebuild a network from a checkpoint.

    The weights of a pre-trained backbone are never fetched for it: the file replaces them all.

    Args:
        path: A file, or the folder of a training run (its newest checkpoint).
        epoch: Which checkpoint of a folder.
        **overrides: Arguments of the network's constructor that replace the stored ones.

    Returns:
        The network on the CPU, in training mode, with ``constructor``, ``info``, and ``recipe``:
        the rows of the recipe that trained it, empty where the file does not tell.

    Raises:
        CheckpointError: The file is missing, damaged, refused, or fits no network of this code.
        ConfigError: The constructor has no argument of an override's name.
    """
    path = Path(path)
    checkpoint = read_checkpoint(find_checkpoint(path, epoch) if path.is_dir() else path)
    net = build_network(checkpoint, **overrides)
    load_state(net, checkpoint.net, checkpoint.path)
    # Any name can be an attribute of a module; PyTorch declares them all as tensors or modules.
    net.info = checkpoint.fields.get("net_info")  # type: ignore[assignment]
    net.recipe = _recipe(checkpoint.fields.get("settings"))  # type: ignore[assignment]
    return net


def _recipe(settings: Any) -> Mapping[str, Any]:
    recipe = settings.get("recipe") if isinstance(settings, Mapping) else None
    return recipe if isinstance(recipe, Mapping) else {}


def load_own_or_released(
    path: str | os.PathLike[str],
    kind: type[Network],
    build: Callable[[Any, Path], tuple[Network, Mapping[str, Any]] | None],
) -> Network:
    """Load a network from a checkpoint of this code or from a file that its authors released.

    Args:
        path: A file, or the folder of a training run (its newest checkpoint).
        kind: Class of the network.
        build: Gets what a file holds, and its path; returns a network and the weights that belong
            into it, or None if the authors did not release this file.

    Returns:
        The network on the CPU, in training mode.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """
    path = Path(path)
    released = None if path.is_dir() else build(read_tensor_file(path), path)
    if released is not None:
        network, state = released
        load_state(network, as_state_dict(state, path), path)
        return network
    return load_network_of(kind, path)


def load_network_of(kind: type[Network], path: str | os.PathLike[str]) -> Network:
    """Rebuild a network from a checkpoint that must hold one of this class.

    Raises:
        CheckpointError: The file is missing, damaged, refused, or of another network.
    """
    loaded = load_network(path)
    if not isinstance(loaded, kind):
        raise CheckpointError(f"{path} holds a {type(loaded).__name__}, not a {kind.__name__}")
    return loaded


def build_network(checkpoint: Checkpoint, **overrides: Any) -> nn.Module:
    """Build the network that a checkpoint describes, without its weights.

    Raises:
        CheckpointError: It names no function of this code, or arguments the function lacks.
        ConfigError: The function has no argument of an override's name.
    """
    path, constructor = checkpoint.path, checkpoint.constructor
    if constructor is None:
        raise CheckpointError(f"{path} does not say which network it belongs to")
    function = _factory(constructor.function, path)
    names = list(inspect.signature(function).parameters)
    try:
        kwargs = adapt_arguments(constructor)
    except ConfigError as error:
        raise CheckpointError(f"{path}: {constructor.function}: {error}") from error
    for name in kwargs:
        if name not in names:
            hint = did_you_mean(name, names)
            raise CheckpointError(f"{path}: {constructor.function} has no argument {name!r}{hint}")
    for name in overrides:
        if name not in names:
            hint = did_you_mean(name, names)
            raise ConfigError(f"{constructor.function} has no argument {name!r}{hint}")
    offline = {"backbone_pretrained": False} if "backbone_pretrained" in names else {}
    try:
        return function(**{**kwargs, **offline, **overrides})
    except Exception as error:  # arguments from a file can make a constructor fail in any way
        raise CheckpointError(
            f"{path}: {constructor.function} cannot be built with the stored arguments ({error})"
        ) from error


def _factory(name: str, path: Path) -> Callable[..., nn.Module]:
    """Only functions of our own networks that are decorated as such are ever called."""
    found = _FACTORY.fullmatch(name)
    function = _find_function(found[1], found[2]) if found else None
    if function is None or not is_model_constructor(function):
        raise CheckpointError(f"{path} names {name!r}, which is not a network of this project")
    return function


def _find_function(module: str, name: str) -> Callable[..., nn.Module] | None:
    try:
        return getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("ltr."):
            raise
        return None


def load_state(net: nn.Module, state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Load a state dict strictly.

    A network may offer ``adapt_state_dict(state) -> state``, which renames or completes entries.
    Counters ``num_batches_tracked`` may be absent: files of old PyTorch versions lack them.

    Raises:
        CheckpointError: An entry is missing, unexpected or of another shape; ``net`` is unchanged.
    """
    adapt = getattr(net, "adapt_state_dict", dict)
    state, expected = adapt(as_state_dict(dict(state), path)), net.state_dict()
    for name, tensor in expected.items():
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, tensor)
    problems = {
        "missing": [name for name in expected if name not in state],
        "unexpected": [name for name in state if name not in expected],
        "of another shape": [
            name for name in expected if name in state and state[name].shape != expected[name].shape
        ],
    }
    if any(problems.values()):
        parts = [_listed(kind, names) for kind, names in problems.items() if names]
        raise CheckpointError(
            f"{path} is a checkpoint of another network than {type(net).__name__}: "
            f"of {len(expected)} entries {'; '.join(parts)}"
        )
    net.load_state_dict(state)


def _listed(kind: str, names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} {kind} ({shown})"
