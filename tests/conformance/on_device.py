"""Runs code that was written for the CPU on another device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_FROM_HOST = (torch.from_numpy, torch.tensor, torch.as_tensor, torch.frombuffer, torch.load)
_TO_HOST = (torch.Tensor.numpy, torch.Tensor.__array__)


class _OnDevice(TorchFunctionMode):
    """Puts what comes from the host on the device, and takes back what NumPy reads."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.device = device

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if func in _TO_HOST:
            return func(args[0].cpu(), *args[1:], **named)
        found = func(*args, **named)
        is_made = func in _FROM_HOST and isinstance(found, torch.Tensor)
        is_on_host = is_made and found.device.type == "cpu"  # networks without weights are "meta"
        return found.to(self.device) if is_on_host else found


@contextmanager
def on_device(device: torch.device) -> Iterator[None]:
    """Create every tensor and network on a device."""
    with device, _OnDevice(device):
        yield
