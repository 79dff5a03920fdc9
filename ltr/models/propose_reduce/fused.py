"""Propose-Reduce for inference on a CPU: what follows a convolution is computed with it."""

from __future__ import annotations

from torch import nn

from ltr.models.backbone.fused_resnet import fuse_blocks
from ltr.models.layers.fused import FusedConv2d
from ltr.models.propose_reduce.mask_rcnn import MaskRCNN


def fuse_mask_rcnn(network: MaskRCNN) -> None:
    """Fuse a network whose batch norms are folded, in place; fusing twice changes nothing."""
    body, head = network.backbone.body, network.prop_head
    for part in (body, head):
        fuse_blocks(part)
    for parent, name, rectifies in (
        (body, "conv1", True),
        (head, "convFM", False),
        (head, "enc_pos", False),
    ):
        layer = parent.get_submodule(name)
        if isinstance(layer, nn.Conv2d):
            setattr(parent, name, FusedConv2d(layer, rectifies))
