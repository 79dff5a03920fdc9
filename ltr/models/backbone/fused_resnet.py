"""Residual networks for inference on a CPU, their additions and ReLUs fused with convolutions."""

from __future__ import annotations

import sys

import torch
from torch import nn

from ltr.models.backbone.resnet import BasicBlock, Bottleneck, ResNet
from ltr.models.layers.fused import FusedConv2d
from ltr.models.layers.residual import FusedResBlock, ResBlock


class FusedBlock(nn.Module):
    """A basic block or a bottleneck, also torchvision's; the result is written over its shortcut.

    Args:
        block: A block whose batch norms are folded.
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        convs = [
            child
            for name, child in block.named_children()
            if name in ("conv1", "conv2", "conv3") and isinstance(child, nn.Conv2d)
        ]
        *inner, last = [FusedConv2d(conv, rectifies=True) for conv in convs]
        self.inner = nn.Sequential(*inner)
        self.last = last
        self.downsample = None
        if block.downsample is not None:
            shortcut = block.get_submodule("downsample.0")
            assert isinstance(shortcut, nn.Conv2d)  # its batch norm is folded into it
            self.downsample = FusedConv2d(shortcut, rectifies=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the block; x may be overwritten where the shortcut is the identity."""
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.last(self.inner(x), shortcut)


def fuse_blocks(network: nn.Module) -> None:
    """Fuse all residual blocks of a network, ours and torchvision's, in place.

    Blocks derived from these do more, and stay as they are.
    """
    blocks = [BasicBlock, Bottleneck]
    torchvision_resnet = sys.modules.get("torchvision.models.resnet")  # slow to import
    if torchvision_resnet:
        blocks += [torchvision_resnet.BasicBlock, torchvision_resnet.Bottleneck]
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is ResBlock:
                setattr(parent, name, FusedResBlock(child))
            elif type(child) in blocks:
                setattr(parent, name, FusedBlock(child))


def fuse_resnet(network: ResNet) -> None:
    """Fuse the convolutions of a residual network with folded batch norms, in place.

    Fusing twice changes nothing.
    """
    if isinstance(network.conv1, nn.Conv2d):
        network.conv1 = FusedConv2d(network.conv1, rectifies=True)  # type: ignore[assignment]
        network.relu = nn.Identity()  # type: ignore[assignment]
    fuse_blocks(network)
