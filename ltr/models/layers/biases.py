"""First values of biases."""

from __future__ import annotations

from torch import nn


def fill_bias(convolution: nn.Conv2d, value: float) -> None:
    """Set every entry of a convolution's bias; one without a bias stays as it is."""
    if convolution.bias is not None:
        nn.init.constant_(convolution.bias, value)
