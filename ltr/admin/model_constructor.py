"""Networks remember how they were built, so that a checkpoint can build them again."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from torch import nn

Parameters = ParamSpec("Parameters")
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class NetConstructor:
    """The call that builds a network.

    Args:
        function: ``"module:function"`` of a function decorated with ``model_constructor``.
        kwargs: Its keyword arguments, plain values only.
    """

    function: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)


def model_constructor(function: Callable[Parameters, Network]) -> Callable[Parameters, Network]:
    """Decorate a function that builds a network: the network records the call.

    The record is the attribute ``constructor`` of the network. It holds the defaults too, so that
    a later change of a default does not change what an old checkpoint builds.

    Args:
        function: A function at the top of its module; its arguments are plain values.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def build(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Network:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            _check_plain(f"{function.__name__}({name}=...)", value)
        network = function(*args, **kwargs)
        path = f"{function.__module__}:{function.__name__}"
        # Any name can be an attribute of a module; PyTorch declares them all as tensors or modules.
        network.constructor = NetConstructor(path, dict(bound.arguments))  # type: ignore[assignment]
        return network

    build.is_model_constructor = True  # type: ignore[attr-defined]  # a mark on a function
    return build


def is_model_constructor(candidate: object) -> bool:
    """Whether this is a function decorated with ``model_constructor``."""
    return getattr(candidate, "is_model_constructor", False) is True


def _check_plain(place: str, value: object) -> None:
    """Raise a TypeError for an argument that a checkpoint cannot hold as a plain value."""
    if isinstance(value, list | tuple):
        for item in value:
            _check_plain(place, item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_plain(place, key)
            _check_plain(place, item)
    elif not (value is None or isinstance(value, bool | int | float | str)):
        raise TypeError(f"{place}: a {type(value).__name__} cannot be stored in a checkpoint")
