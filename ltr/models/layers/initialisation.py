"""First values of convolutions."""

from __future__ import annotations

import math

from torch import nn


def draw_weights(network: nn.Module) -> None:
    """Draw the weights of all convolutions so that the variance of gradients stays (He et al.)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
            nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out))


def fill_bias(convolution: nn.Conv2d, value: float) -> None:
    """Set every entry of a convolution's bias; one without a bias stays as it is."""
    if convolution.bias is not None:
        nn.init.constant_(convolution.bias, value)
