"""What a backbone can learn before sentences: shape, colour and motion of whatever a cell shows."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from ltr.admin.model_constructor import model_constructor
from ltr.models.referring.backbones import Backbone, build_backbone

CELL = 8  # pixels


class LookNet(nn.Module):
    """A backbone with a head that describes every cell of 8 x 8 pixels.

    Args:
        backbone: Returns four maps; its weights are what is wanted of the training.
        outputs: Numbers that describe a cell.
        width: Channels of the head.
    """

    def __init__(self, backbone: Backbone, outputs: int, width: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.lateral = nn.ModuleList(
            nn.Conv2d(channels, width, 1) for channels in backbone.map_channels[1:]
        )
        self.head = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, outputs, 1),
        )

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Clips (N, frames, 3, H, W), normalised -> (N * frames, outputs, H / 8, W / 8)."""
        maps = self.backbone(clips)[1:]
        levels = [project(level) for project, level in zip(self.lateral, maps, strict=True)]
        joined = levels[-1]
        for _, finer in pairwise(reversed(levels)):
            joined = finer + F.interpolate(joined, finer.shape[-2:], mode="nearest")
        return self.head(joined)


@model_constructor
def look_network(
    outputs: int, backbone: str = "resnet18_shifted", backbone_width: int = 64, width: int = 64
) -> LookNet:
    """Build the network, with random weights.

    Args:
        outputs: See ``LookNet``.
        backbone: One of ``ltr.models.referring.backbones.BACKBONES``.
        backbone_width: Channels of the backbone's stem.
        width: Channels of the head.
    """
    body = build_backbone(backbone, backbone_width, is_pretrained=False)
    return LookNet(body, outputs, width)
