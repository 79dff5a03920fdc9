"""Propose-Reduce for inference on a CPU: what follows a convolution is computed with it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import resnet

from ltr.models.backbone.fused_resnet import FusedBlock
from ltr.models.backbone.resnet import BasicBlock, Bottleneck
from ltr.models.layers.fused import FusedConv2d
from ltr.models.layers.residual import ResBlock
from ltr.models.propose_reduce.mask_rcnn import MaskRCNN

_BLOCKS = (resnet.Bottleneck, resnet.BasicBlock, Bottleneck, BasicBlock)


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


def fuse_mask_rcnn(network: MaskRCNN) -> None:
    """Fuse a network whose batch norms are folded, in place; fusing twice changes nothing."""
    for parent in (*network.backbone.body.modules(), *network.prop_head.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is ResBlock:
                setattr(parent, name, FusedResBlock(child))
            elif type(child) in _BLOCKS:
                setattr(parent, name, FusedBlock(child))
    stem = network.backbone.body.get_submodule("conv1")
    if isinstance(stem, nn.Conv2d):
        network.backbone.body.conv1 = FusedConv2d(stem, rectifies=True)
    head = network.prop_head
    for name in ("convFM", "enc_pos"):
        layer = getattr(head, name)
        if isinstance(layer, nn.Conv2d):
            setattr(head, name, FusedConv2d(layer, rectifies=False))
