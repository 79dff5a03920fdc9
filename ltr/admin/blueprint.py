"""Builds a network by what a file says, without letting the file decide how much that costs.

The network is built without memory for its weights first ("meta" tensors), and only as far as the
file has weights for it. When names, shapes and types of all weights fit, it is built in earnest:
then it is as large as the file.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as registration
from torch.overrides import TorchFunctionMode

from ltr.admin.errors import CheckpointError

_MAX_NUMBER = 1 << 17  # larger than every vocabulary
_MAX_ITEMS = 64
_MAX_TEXT = 1000
_MAX_LEVELS = 4
# A network may register parts that it replaces later, and parts without weights.
_PARAMETERS_AN_ENTRY, _MODULES_AN_ENTRY, _SLACK = 2, 20, 500
_MAX_BUFFER_BYTES = 64 << 20
_MAX_REPEATED_BYTES = 2 << 30  # more than any network of this project
_WORDS = ("missing", "unexpected", "of another shape", "of another type")


class TooLarge(Exception):
    """A network has more parts than its file has weights."""


def check_arguments(value: object, levels: int = _MAX_LEVELS) -> None:
    """Refuse arguments that no network of ours has.

    Args:
        value: Plain values, by name.
        levels: How deep they may be nested.

    Raises:
        CheckpointError: A number is too large, a list too long, or they are nested too deep.
    """
    items: list[object] = []
    if isinstance(value, Mapping):
        items = [*value, *value.values()]
    elif isinstance(value, list | tuple):
        items = list(value)
    elif isinstance(value, str) and len(value) > _MAX_TEXT:
        raise CheckpointError(f"a text of {len(value)} characters")
    elif isinstance(value, int) and abs(value) > _MAX_NUMBER:
        raise CheckpointError(f"a number of {value.bit_length()} bits")
    elif isinstance(value, float) and not math.isfinite(value):
        raise CheckpointError(f"{value} is not a number")
    if len(items) > 2 * _MAX_ITEMS or (items and not levels):
        raise CheckpointError("too many values")
    for item in items:
        check_arguments(item, levels - 1)


def build_blueprint(build: Callable[[], nn.Module], num_entries: int) -> nn.Module:
    """Build a network without weights.

    Args:
        build: Calls the constructor.
        num_entries: How many weights the network's file has.

    Raises:
        TooLarge: The network would need many more, or large tables beside them.
    """
    with torch.device("meta"), _Undrawn(), _limited(num_entries):
        network = build()
    known = set(network.state_dict(keep_vars=True))
    tables = (table for name, table in network.named_buffers() if name not in known)
    if sum(table.numel() * table.element_size() for table in tables) > _MAX_BUFFER_BYTES:
        raise TooLarge("the network has larger tables than any of this project")
    return network


class _Undrawn(TorchFunctionMode):
    """Leaves ``torch.nn.init`` out: PyTorch loads its compiler to draw values without memory."""

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: Any = (), kwargs: Any = None
    ) -> Any:
        arguments = kwargs or {}
        if getattr(func, "__module__", None) == nn.init.__name__ or func is torch.Tensor.normal_:
            return arguments["tensor"] if "tensor" in arguments else args[0]
        return func(*args, **arguments)


@contextmanager
def _limited(num_entries: int) -> Iterator[None]:
    """Count what this thread registers, and stop it when that is too much."""
    left = {
        "parameter": _SLACK + _PARAMETERS_AN_ENTRY * num_entries,
        "module": _SLACK + _MODULES_AN_ENTRY * num_entries,
    }
    thread = threading.get_ident()

    def counter(kind: str) -> Callable[..., None]:
        def count(*_: object) -> None:
            if threading.get_ident() != thread:
                return
            left[kind] -= 1
            if left[kind] < 0:
                raise TooLarge(f"the file has weights for {num_entries} entries only")

        return count

    hooks = [
        registration.register_module_parameter_registration_hook(counter("parameter")),
        registration.register_module_buffer_registration_hook(counter("parameter")),
        registration.register_module_module_registration_hook(counter("module")),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def adapted_state(net: nn.Module, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A file's weights under the names of the network.

    A network may offer ``adapt_state_dict(state) -> state``, which renames or completes entries.
    Counters ``num_batches_tracked`` may be absent: files of old PyTorch versions lack them.
    """
    adapted: dict[str, torch.Tensor] = getattr(net, "adapt_state_dict", dict)(dict(state))
    for name in net.state_dict(keep_vars=True):
        if name.endswith("num_batches_tracked"):
            adapted.setdefault(name, torch.zeros((), dtype=torch.int64))
    return adapted


def differences(net: nn.Module, state: Mapping[str, torch.Tensor]) -> str:
    """In what weights do not fit a network; empty where they do.

    Args:
        net: It may have no weights yet.
        state: See ``adapted_state``.
    """
    expected: Mapping[str, torch.Tensor] = net.state_dict()
    both = [name for name in expected if name in state]
    problems = (
        [name for name in expected if name not in state],
        [name for name in state if name not in expected],
        [name for name in both if state[name].shape != expected[name].shape],
        [name for name in both if _kind(state[name]) != _kind(expected[name])],
    )
    parts = [_listed(word, names) for word, names in zip(_WORDS, problems, strict=True) if names]
    return f"of {len(expected)} entries {'; '.join(parts)}" if parts else ""


def _kind(tensor: torch.Tensor) -> str:
    """What numbers a tensor holds; their precision may differ."""
    if tensor.is_floating_point():
        return "floating point"
    if tensor.is_complex() or tensor.is_quantized or tensor.dtype == torch.bool:
        return str(tensor.dtype)
    return "integer"


def _repeated_bytes(state: Mapping[str, torch.Tensor]) -> int:
    """Bytes of tensors of which the file holds less: strides of 0 repeat a number."""
    sizes = ((t.numel() * t.element_size(), t.untyped_storage().nbytes()) for t in state.values())
    return sum(size for size, stored in sizes if size > stored)


def _listed(kind: str, names: list[str]) -> str:
    shown = ", ".join(name[:100] for name in names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} {kind} ({shown})"


def build_to_fit(
    build: Callable[[], nn.Module], state: Mapping[str, torch.Tensor]
) -> tuple[nn.Module, str]:
    """Build a network if weights fit it.

    Args:
        build: Calls the constructor.
        state: The weights, as the file holds them.

    Returns:
        The network with random weights, and an empty text; or one without weights ("meta"), and
        what does not fit.

    Raises:
        TooLarge: See ``build_blueprint``; or the file repeats few numbers to a large tensor.
    """
    if _repeated_bytes(state) > _MAX_REPEATED_BYTES:
        raise TooLarge("its weights are a few numbers that are repeated to gigabytes")
    blueprint = build_blueprint(build, len(state))
    problem = differences(blueprint, adapted_state(blueprint, state))
    return (blueprint, problem) if problem else (build(), "")
