"""Builds the network that a checkpoint describes and fills it with the checkpoint's weights."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from ltr.admin import safetensors_files
from ltr.admin.blueprint import adapted_state, build_to_fit, check_arguments, differences
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
    find: Callable[[Any, Path], tuple[Callable[[], Network], Mapping[str, Any]] | None],
) -> Network:
    """Load a network from a checkpoint of this code or from a file that its authors released.

    Args:
        path: A file, or the folder of a training run (its newest checkpoint).
        kind: Class of the network.
        find: Gets what a file holds, and its path; returns what builds the network, and the weights
            that belong into it, or None if the authors did not release this file.

    Returns:
        The network on the CPU, in training mode.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """
    path = Path(path)
    is_own = path.is_dir() or path.suffix == safetensors_files.SUFFIX
    released = None if is_own else find(read_tensor_file(path), path)
    if released is None:
        return load_network_of(kind, path)
    build, state = released
    network = _build_to_fit(build, as_state_dict(state, path), path, kind.__name__)
    load_state(network, state, path)
    if not isinstance(network, kind):  # it is what ``find`` said
        raise CheckpointError(f"{path} holds a {type(network).__name__}, not a {kind.__name__}")
    return network


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
    """Build the network that a checkpoint describes, for its weights, which are not loaded yet.

    Raises:
        CheckpointError: It names no function of this code, arguments the function lacks, or a
            network that its weights do not fit.
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
    arguments = {**kwargs, **offline, **overrides}
    build = functools.partial(function, **arguments)
    name = constructor.function
    return _build_to_fit(build, checkpoint.net, path, name, arguments)


def _build_to_fit(
    build: Callable[[], nn.Module],
    state: Mapping[str, torch.Tensor],
    path: Path,
    name: str,
    arguments: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Build a network if the weights of its file fit it; otherwise it takes no memory."""
    try:
        check_arguments(arguments or {})
        network, problem = build_to_fit(build, state)
    except Exception as error:  # arguments from a file can make a constructor fail in any way
        raise CheckpointError(
            f"{path}: {name} cannot be built with what the file says ({error})"
        ) from error
    _refuse_differences(network, problem, path)
    return network


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
    """Load a state dict strictly; see ``adapted_state`` for the names.

    Raises:
        CheckpointError: An entry is missing, unexpected, of another shape or not of the same kind
            of numbers; ``net`` is unchanged.
    """
    plain = as_state_dict(state, path)
    adapted = adapted_state(net, plain)
    _refuse_differences(net, differences(net, adapted), path)
    net.load_state_dict(adapted)


def _refuse_differences(net: nn.Module, problem: str, path: Path) -> None:
    if problem:
        raise CheckpointError(
            f"{path} is a checkpoint of another network than {type(net).__name__}: {problem}"
        )
