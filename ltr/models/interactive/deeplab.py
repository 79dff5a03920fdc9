"""What ATNet and MANet take from DeepLabV3+: dilated residual stages and pooling (ASPP)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.backbone.resnet import Bottleneck

_RATES = (1, 6, 12, 18)
_LAST_DILATIONS = (2, 4, 8)  # of the blocks of the last stage, which keeps the resolution
_STRIDES = (1, 2, 2, 1)


def dilated_stages(
    block: type[Bottleneck], width: int, depths: Sequence[int]
) -> tuple[list[nn.Sequential], int]:
    """Build four residual stages with a total stride of 16 behind a stem of stride 4.

    Args:
        block: A bottleneck.
        width: Channels of the stem.
        depths: Number of blocks of the stages; the last has at most three.

    Returns:
        The stages, and the channels of the last one.
    """
    stages, inplanes = [], width
    for index, depth in enumerate(depths):
        planes, blocks = width * 2**index, []
        for position in range(depth):
            stride = _STRIDES[index] if position == 0 else 1
            dilation = _LAST_DILATIONS[position] if index == 3 else 1
            blocks.append(block(inplanes, planes, stride, False, dilation))
            inplanes = planes * block.expansion
        stages.append(nn.Sequential(*blocks))
    return stages, inplanes


class _Branch(nn.Module):
    norm_of: ClassVar[Mapping[str, str]] = {"atrous_conv": "bn"}

    def __init__(self, inplanes: int, planes: int, rate: int) -> None:
        super().__init__()
        size, padding = (1, 0) if rate == 1 else (3, rate)
        self.atrous_conv = nn.Conv2d(inplanes, planes, size, 1, padding, rate, bias=False)
        self.bn = nn.BatchNorm2d(planes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.bn(self.atrous_conv(x)))


def fuse(channels: int, planes: int) -> list[nn.Module]:
    """Two convolutions that join pooled and finer features, with the dropout of DeepLabV3+."""
    return [
        nn.Conv2d(channels, planes, 3, 1, 1, bias=False),
        nn.BatchNorm2d(planes),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Conv2d(planes, planes, 3, 1, 1, bias=False),
        nn.BatchNorm2d(planes),
        nn.ReLU(inplace=True),
        nn.Dropout(0.1),
    ]


class Pooling(nn.Module):
    """Atrous spatial pyramid pooling with an image-wide branch.

    Args:
        inplanes: Channels of the last stage.
        planes: Channels of the result.
        dropout: Share of values that training sets to zero.
    """

    def __init__(self, inplanes: int, planes: int, dropout: float) -> None:
        super().__init__()
        for number, rate in enumerate(_RATES, start=1):
            self.add_module(f"aspp{number}", _Branch(inplanes, planes, rate))
        self.global_avg_pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(inplanes, planes, 1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(inplace=True),
        )
        self.conv1 = nn.Conv2d((len(_RATES) + 1) * planes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inplanes, H, W) -> (N, planes, H, W)."""
        branches = [getattr(self, f"aspp{number + 1}")(x) for number in range(len(_RATES))]
        whole = self.global_avg_pool(x).expand(-1, -1, *x.shape[-2:])
        return self.dropout(F.relu(self.bn1(self.conv1(torch.cat([*branches, whole], dim=1)))))


def resize(maps: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Bilinear, corner pixels on corner pixels."""
    return F.interpolate(maps, tuple(size), mode="bilinear", align_corners=True)
