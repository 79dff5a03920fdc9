"""The residual block of decoders that refine masks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.layers.fused import FusedConv2d


class ResBlock(nn.Module):
    """Two 3x3 convolutions after ReLUs, beside a shortcut of the input."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Conv2d(in_channels, out_channels, 3, stride, 1)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, in, h, w) -> (N, out, h / stride, w / stride)."""
        y = self.conv2(F.relu(self.conv1(F.relu(x))))
        return y + (x if self.downsample is None else self.downsample(x))


class FusedResBlock(nn.Module):
    """A ``ResBlock`` that adds its shortcut in its last convolution.

    Args:
        block: What it takes the place of.
    """

    def __init__(self, block: ResBlock) -> None:
        super().__init__()
        self.conv1 = FusedConv2d(block.conv1, rectifies=True)
        self.conv2 = FusedConv2d(block.conv2, rectifies=False)
        self.downsample = None
        if block.downsample is not None:
            self.downsample = FusedConv2d(block.downsample, rectifies=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See ``ResBlock``; x may be overwritten where the shortcut is the identity."""
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.conv2(self.conv1(F.relu(x)), shortcut)
