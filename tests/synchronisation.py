"""Counts what makes a GPU and the processor wait for each other, on any device.

On a processor without a GPU all tensors lie in one memory. So it is followed which of them would
lie in the processor's: those made without a device, those that were read, and what is computed from
these alone. Reading them again costs nothing and is not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

_READS = {
    "cpu": "cpu",
    "numpy": "numpy",
    "tolist": "tolist",
    "__array__": "numpy",
    **dict.fromkeys(("item", "__int__", "__float__", "__bool__", "__index__"), "item"),
}
_SIZED_BY_DATA = {
    **dict.fromkeys(("nonzero", "nonzero_numpy"), "nonzero"),
    "masked_select": "masked_select",
    "_unique2": "unique",
    "unique_consecutive": "unique",
    "unique_dim": "unique",
    "equal": "equal",
    "bincount": "bincount",
    "nms": "nms",
}
_INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_"}


def _tensors(values: Any) -> list[torch.Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, torch.Tensor)]


class _HostTensors:
    """The tensors that would lie in the processor's memory."""

    def __init__(self) -> None:
        self._known = WeakIdKeyDictionary()

    def has(self, tensors: Sequence[torch.Tensor]) -> bool:
        """Whether all of these do."""
        return all(tensor in self._known for tensor in tensors)

    def add(self, result: Any) -> None:
        """What a function gave does."""
        for tensor in _tensors(result):
            self._known[tensor] = True


class _Functions(TorchFunctionMode):
    """Counts methods that bring a tensor to the processor, and follows where tensors lie."""

    def __init__(self, found: Counter[str], host: _HostTensors) -> None:
        super().__init__()
        self._found = found
        self._host = host

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name, options = getattr(func, "__name__", ""), dict(kwargs or {})
        on_host = self._host.has(_tensors((args, options)))
        is_moved = "device" in options or any(isinstance(value, torch.device) for value in args)
        if name in _READS and not on_host:
            self._found[_READS[name]] += 1
        result = func(*args, **options)
        if name == "cpu" or (name == "to" and is_moved):
            result = result.view_as(result)  # the same memory where there is no GPU
        if name == "cpu" or (on_host and not is_moved):
            self._host.add(result)
        return result


class _Operations(TorchDispatchMode):
    """Counts operations whose result has a shape that depends on values."""

    def __init__(self, found: Counter[str], host: _HostTensors) -> None:
        super().__init__()
        self._found = found
        self._host = host

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = func.overloadpacket.__name__
        if not self._host.has(_tensors((args, kwargs))):
            if name in _SIZED_BY_DATA:
                self._found[_SIZED_BY_DATA[name]] += 1
            elif name in _INDEXED and any(map(_is_mask, tree_leaves(args[1]))):
                self._found["boolean index"] += 1
            elif name == "repeat_interleave" and func._overloadname.endswith("Tensor"):
                self._found["repeat_interleave"] += "output_size" not in (kwargs or {})
        return func(*args, **(kwargs or {}))


def _is_mask(index: Any) -> bool:
    return isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8)


@contextmanager
def counted_synchronisations() -> Iterator[Counter[str]]:
    """Count, by kind, what would wait for a GPU: reads, and results sized by data."""
    found: Counter[str] = Counter()
    host = _HostTensors()
    with _Functions(found, host), _Operations(found, host):
        yield found
