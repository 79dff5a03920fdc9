"""Counts what makes a GPU and the processor wait for each other, on any device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

_READS = {"cpu", "numpy", "tolist", "__array__"}
_SIZED_BY_DATA = {
    "_local_scalar_dense": "item",
    "nonzero": "nonzero",
    "masked_select": "masked_select",
    "_unique2": "unique",
    "unique_consecutive": "unique",
    "unique_dim": "unique",
    "equal": "equal",
    "bincount": "bincount",
}


class _Functions(TorchFunctionMode):
    """Counts methods that bring a tensor to the processor."""

    def __init__(self, found: Counter[str]) -> None:
        super().__init__()
        self._found = found

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if (name := getattr(func, "__name__", "")) in _READS:
            self._found[name] += 1
        return func(*args, **(kwargs or {}))


class _Operations(TorchDispatchMode):
    """Counts operations whose result is a number, or has a shape that depends on values."""

    def __init__(self, found: Counter[str]) -> None:
        super().__init__()
        self._found = found

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = func.overloadpacket.__name__
        if name in _SIZED_BY_DATA:
            self._found[_SIZED_BY_DATA[name]] += 1
        elif name == "index" and any(_is_mask(index) for index in args[1]):
            self._found["boolean index"] += 1
        return func(*args, **(kwargs or {}))


def _is_mask(index: torch.Tensor | None) -> bool:
    return index is not None and index.dtype in (torch.bool, torch.uint8)


@contextmanager
def counted_synchronisations() -> Iterator[Counter[str]]:
    """Count, by kind, what would wait for a GPU: reads, and results sized by data."""
    found: Counter[str] = Counter()
    with _Functions(found), _Operations(found):
        yield found
