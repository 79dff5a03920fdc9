"""Memory layouts that convolutions are fastest with."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def to_channels_last(
    network: Network,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Network:
    """Lay the weights of a network out channels-last, in place.

    Args:
        network: Any network with 2-D convolutions.
        device: Where it moves to; None leaves it.
        dtype: Type of its weights; None leaves it.

    Returns:
        The network itself.
    """
    # PyTorch's declarations of Module.to leave out this argument.
    return network.to(device=device, dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
