"""Networks remember how they were built, so that a checkpoint can build them again."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from torch import nn

from ltr.admin.errors import ConfigError

Parameters = ParamSpec("Parameters")
Network = TypeVar("Network", bound=nn.Module)
Design = TypeVar("Design")


@dataclass(frozen=True)
class NetConstructor:
    """The call that builds a network.

    Args:
        function: ``"module:function"`` of a function decorated with ``model_constructor``.
        kwargs: Keyword arguments of the call, plain values only.
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


def takes_fields(
    design: Callable[Parameters, Design],
) -> Callable[[Callable[[Design], Network]], Callable[Parameters, Network]]:
    """Decorate a constructor of many arguments, below ``model_constructor``.

    It is called with the fields of a dataclass, and gets the dataclass.

    Args:
        design: The dataclass, whose fields are plain values.
    """

    def wrap(function: Callable[[Design], Network]) -> Callable[Parameters, Network]:
        @functools.wraps(function)
        def build(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Network:
            return function(design(*args, **kwargs))

        build.__signature__ = inspect.signature(design)  # type: ignore[attr-defined]  # read by inspect
        return build

    return wrap


@dataclass(frozen=True)
class OldArguments:
    """Arguments that older checkpoints store and that a constructor no longer takes.

    Args:
        renamed: Old name -> current name.
        fixed: Name -> the only value that was ever supported.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, object] = field(default_factory=dict)

    def adapt(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Translate stored arguments to those that the constructor takes today.

        Raises:
            ConfigError: A fixed argument has another value.

        >>> OldArguments({"depth": "num_layers"}, {"groups": 1}).adapt({"depth": 3, "groups": 1})
        {'num_layers': 3}
        """
        for name, only in self.fixed.items():
            value = kwargs.get(name, only)
            if (tuple(value) if isinstance(value, list) else value) != only:
                raise ConfigError(f"{name} must be {only!r}, got {value!r}")
        return {
            self.renamed.get(name, name): value
            for name, value in kwargs.items()
            if name not in self.fixed
        }


_OLD_ARGUMENTS: dict[str, OldArguments] = {}


def old_arguments(
    renamed: Mapping[str, str] | None = None, fixed: Mapping[str, object] | None = None
) -> Callable[[Callable[Parameters, Network]], Callable[Parameters, Network]]:
    """Decorate a constructor, below ``model_constructor``, whose older checkpoints store more.

    See ``OldArguments`` for the arguments.
    """

    def register(function: Callable[Parameters, Network]) -> Callable[Parameters, Network]:
        name = f"{function.__module__}:{function.__qualname__}"
        _OLD_ARGUMENTS[name] = OldArguments(renamed or {}, fixed or {})
        return function

    return register


def adapt_arguments(constructor: NetConstructor) -> dict[str, Any]:
    """Stored keyword arguments of a constructor, under the names that it takes today.

    Raises:
        ConfigError: The network cannot be built with one of them.
    """
    old = _OLD_ARGUMENTS.get(constructor.function, OldArguments())
    return old.adapt(constructor.kwargs)


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
