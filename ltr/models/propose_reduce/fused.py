"""Propose-Reduce for inference on a CPU: what follows a convolution is computed with it.

What convolutions take of the frame alone is computed once for all of its objects.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.backbone.fused_resnet import fuse_blocks
from ltr.models.layers.fused import FusedConv2d, split_conv
from ltr.models.layers.residual import FusedResBlock
from ltr.models.layers.shifts import sum_shifted
from ltr.models.propose_reduce.mask_rcnn import MaskRCNN
from ltr.models.propose_reduce.propagation import FrameQuery, PropagationHead

_FUSED = (
    "enc_pos",
    "atn_key",
    "atn_value",
    "qry_atn_key",
    "qry_atn_value",
    "RF3.convFS",
    "RF2.convFS",
)


class FusedPropagationHead(PropagationHead):
    """A ``PropagationHead`` whose linear layers meet frames and masks apart.

    Args:
        head: What it takes the place of.
    """

    def __init__(self, head: PropagationHead) -> None:
        nn.Module.__init__(self)
        for name, child in head.named_children():
            self.add_module(name, child)
        fuse_blocks(self)
        last = self.RF2.get_submodule("ResMM")
        assert isinstance(last, FusedResBlock)
        last.conv2.rectifies = True
        _, shortcut = self._first_block()
        of_read, of_value = split_conv(head.convFM, head.convFM.out_channels)
        self.of_masks = FusedConv2d(_through(head.enc_pos, shortcut.conv), rectifies=False)
        self.of_read = FusedConv2d(of_read, rectifies=False)
        self.of_value = FusedConv2d(of_value, rectifies=False)
        self.taps = FusedConv2d(_taps_of_difference(head.pred2), rectifies=False)
        del self.convFM
        for name in _FUSED:
            _fuse(self, name)

    def scene(self, fine: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See ``PropagationHead``; the second map is what a shortcut takes of the frame."""
        _, shortcut = self._first_block()
        return fine, shortcut(fine)

    def _first_block(self) -> tuple[FusedResBlock, FusedConv2d]:
        """Of the memory encoder, and its shortcut."""
        block = self.enc_fuse[0]
        assert isinstance(block, FusedResBlock)
        assert block.downsample is not None
        return block, block.downsample

    def query(self, fine: torch.Tensor, c2: torch.Tensor, c3: torch.Tensor) -> FrameQuery:
        """See ``PropagationHead``; the values are what the decoder's first map takes of them."""
        query = super().query(fine, c2, c3)
        return query._replace(value=self.of_value(query.value))

    def _encode(
        self, scenes: Sequence[Sequence[torch.Tensor]], counts: Sequence[int], masks: torch.Tensor
    ) -> torch.Tensor:
        """See ``PropagationHead``; sides of the maps are even."""
        x, small = self.enc_pos(masks), self.of_masks(masks)
        sizes = list(counts)
        for own, own_small, scene in zip(x.split(sizes), small.split(sizes), scenes, strict=True):
            own += scene[0]
            own_small += scene[1]
        block, shortcut = self._first_block()
        # At the upper and left border the codes of masks would go on outside.
        small[:, :, :1] = shortcut(x[:, :, :2])
        small[..., :1] = shortcut(x[..., :2])
        return self.enc_fuse[1](block.conv2(block.conv1(x.relu_()), small))

    def _join(self, read: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return self.of_read(read).add_(value)

    def _odds(self, fine: torch.Tensor) -> torch.Tensor:
        """What is already rectified -> log odds; every tap of the kernel is a map of its own."""
        assert self.pred2.bias is not None
        odds = sum_shifted(self.taps(fine).unflatten(1, (*self.pred2.kernel_size, 1)))
        return odds + (self.pred2.bias[1] - self.pred2.bias[0])


def _through(first: nn.Conv2d, second: nn.Conv2d) -> nn.Conv2d:
    """One convolution in place of two, right where the maps between do not end."""
    weights = [conv.weight.detach().double() for conv in (first, second)]
    weight = F.conv_transpose2d(weights[1], weights[0]).float()
    outputs, inputs, side = weight.shape[:3]
    conv = nn.Conv2d(inputs, outputs, side, second.stride[0], padding=side // 2)
    conv.weight = nn.Parameter(weight, requires_grad=False)
    assert first.bias is not None
    bias = weights[1].sum(dim=(2, 3)) @ first.bias.detach().double()
    conv.bias = nn.Parameter(bias.float(), requires_grad=False)
    return conv


def _taps_of_difference(conv: nn.Conv2d) -> nn.Conv2d:
    """The second result of a convolution minus its first, tap by tap and without bias."""
    weight = conv.weight.detach()
    weight = (weight[1] - weight[0]).flatten(1).t()[..., None, None].contiguous()
    taps = nn.Conv2d(conv.in_channels, len(weight), 1, bias=False)
    taps.weight = nn.Parameter(weight, requires_grad=False)
    return taps


def _fuse(parent: nn.Module, path: str, rectifies: bool = False) -> None:
    """Fuse the convolution of that name, unless it is."""
    *owners, name = path.split(".")
    owner = parent.get_submodule(".".join(owners))
    layer = getattr(owner, name)
    if isinstance(layer, nn.Conv2d):
        setattr(owner, name, FusedConv2d(layer, rectifies))


def fuse_mask_rcnn(network: MaskRCNN) -> None:
    """Fuse a network whose batch norms are folded, in place; fusing twice changes nothing."""
    body = network.backbone.body
    fuse_blocks(body)
    _fuse(body, "conv1", rectifies=True)
    for block in network.backbone.fpn.inner_blocks:
        _fuse(block, "0")
    if type(network.prop_head) is PropagationHead:
        network.prop_head = FusedPropagationHead(network.prop_head)
