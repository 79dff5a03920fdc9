"""The hosts' networks for inference on a CPU: what follows a convolution is computed with it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.backbone.fused_resnet import FusedBlock, fuse_blocks
from ltr.models.interactive.atnet import (
    ATNet,
    DecodedMaps,
    Decoder,
    Refine,
    SplitConv1x1,
    SqueezeBottleneck,
)
from ltr.models.interactive.deeplab import Pooling
from ltr.models.interactive.ipn import InteractionNet, PropagationNet
from ltr.models.interactive.manet import MANet, SegmentationHead, SeparableBlock
from ltr.models.layers.fused import FusedConv2d, fuse_sequential, split_conv
from ltr.models.layers.resizing import convolve_enlarged


class FusedSqueeze(FusedBlock):
    """A ``SqueezeBottleneck`` whose batch norms are folded.

    Args:
        block: What it takes the place of.
    """

    def __init__(self, block: SqueezeBottleneck) -> None:
        super().__init__(block)
        self.last.rectifies = False
        self.conv_down, self.conv_up = block.conv_down, block.conv_up

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See ``SqueezeBottleneck``."""
        y = self.last(self.inner(x))
        weights = self.conv_up(F.relu(self.conv_down(y.mean(dim=(2, 3), keepdim=True)))).sigmoid()
        shortcut = x if self.downsample is None else self.downsample(x)
        return torch.addcmul(shortcut, y, weights).relu_()


class FusedRefine(Refine):
    """A ``Refine`` that adds in place.

    Args:
        block: What it takes the place of.
    """

    def __init__(self, block: Refine) -> None:
        nn.Module.__init__(self)
        for name, rectifies in (("FS1", 0), ("FS2", 1), ("FS3", 0), ("MM1", 1), ("MM2", 0)):
            conv = getattr(block, f"conv{name}")
            self.add_module(f"conv{name}", FusedConv2d(conv, bool(rectifies)))

    def prepare(self, features: torch.Tensor) -> torch.Tensor:
        """See ``Refine``."""
        s = self.convFS1(features)
        return self.convFS3(self.convFS2(F.relu(s)), s)

    def refine(self, m: torch.Tensor) -> torch.Tensor:
        """See ``Refine``."""
        return self.convMM2(self.convMM1(F.relu(m)), m)


class FusedDecoder(Decoder):
    """A ``Decoder`` that does not enlarge what was pooled.

    Args:
        decoder: What it takes the place of, its batch norms folded.
    """

    def __init__(self, decoder: Decoder) -> None:
        nn.Module.__init__(self)
        self.aspp_decoder = decoder.aspp_decoder
        _fuse_pooling(self.aspp_decoder)
        self.convs = nn.Sequential(
            *(FusedConv2d(getattr(decoder, f"convG{n}"), rectifies=n < 2) for n in range(3))
        )
        self.RF3, self.RF2 = FusedRefine(decoder.RF3), FusedRefine(decoder.RF2)
        first, _, _, *rest = decoder.lastconv.children()
        assert isinstance(first, nn.Conv2d)  # a Sequential forgets the classes of its members
        of_fine, self.of_pooled = split_conv(first, first.in_channels // 2)
        self.of_fine = FusedConv2d(of_fine, rectifies=True)
        self.lastconv = nn.Sequential(*rest)
        fuse_sequential(self.lastconv)

    def enter(self, top: torch.Tensor) -> torch.Tensor:
        """See ``Decoder``."""
        return self.convs(F.relu(top))

    def read(self, decoded: DecodedMaps) -> torch.Tensor:
        """See ``Decoder``."""
        size = decoded.fine.shape[-2:]
        pooled = convolve_enlarged(decoded.pooled, self.of_pooled.weight, size)
        return self.enlarge(self.lastconv(self.of_fine(decoded.fine, pooled)))


class FusedSplitConv1x1(nn.Module):
    """A ``SplitConv1x1`` whose parts are laid out once.

    Args:
        conv: What it takes the place of.
    """

    def __init__(self, conv: SplitConv1x1) -> None:
        super().__init__()
        parts = split_conv(conv, conv.out_channels)
        self.first, self.second = (FusedConv2d(part, rectifies=False) for part in parts)

    def of_first(self, x: torch.Tensor) -> torch.Tensor:
        """See ``SplitConv1x1``."""
        return self.first(x)

    def of_second(self, x: torch.Tensor) -> torch.Tensor:
        """See ``SplitConv1x1``."""
        return self.second(x)


def _fuse_pooling(pooling: Pooling) -> None:
    for branch in pooling.children():
        if hasattr(branch, "atrous_conv") and isinstance(branch.atrous_conv, nn.Conv2d):
            branch.atrous_conv = FusedConv2d(branch.atrous_conv, rectifies=True)
    if isinstance(pooling.conv1, nn.Conv2d):
        pooling.conv1 = FusedConv2d(pooling.conv1, rectifies=True)  # type: ignore[assignment]


def _fuse_squeezes(network: nn.Module) -> None:
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is SqueezeBottleneck:
                setattr(parent, name, FusedSqueeze(child))


def _fuse_stem(encoder: nn.Module, name: str) -> None:
    stem = encoder.get_submodule(name)
    if isinstance(stem, nn.Conv2d):
        setattr(encoder, name, FusedConv2d(stem, rectifies=True))
        encoder.relu = nn.Identity()


def fuse_atnet(network: ATNet) -> None:
    """Fuse a network whose batch norms are folded, in place; fusing twice changes nothing."""
    _fuse_squeezes(network)
    for encoder in (network.encoder_6ch, network.encoder_3ch):
        _fuse_stem(encoder, encoder.stem)
    for name in ("decoder_iact", "decoder_prop"):
        decoder = getattr(network, name)
        if type(decoder) is Decoder:
            setattr(network, name, FusedDecoder(decoder))
    if isinstance(network.conv1x1, SplitConv1x1):
        network.conv1x1 = FusedSplitConv1x1(network.conv1x1)  # type: ignore[assignment]
    for parent, name in ((network, "prev_conv1x1"), (network.indicator_encoder, "conv1x1")):
        conv = getattr(parent, name)
        if isinstance(conv, nn.Conv2d):
            setattr(parent, name, FusedConv2d(conv, rectifies=False))


def fuse_manet(network: MANet) -> None:
    """Fuse a network whose batch norms are folded, in place; fusing twice changes nothing."""
    deeplab = network.feature_extracter
    fuse_blocks(deeplab.backbone)
    _fuse_stem(deeplab.backbone, "conv1")
    _fuse_pooling(deeplab.aspp)
    fuse_sequential(deeplab.decoder.last_conv)
    for head in (network.inter_seghead, network.dynamic_seghead):
        _fuse_head(head)


def _fuse_head(head: SegmentationHead) -> None:
    for name, layer in list(head.named_children()):
        if isinstance(layer, SeparableBlock):
            convs = layer.conv1, layer.conv2
            setattr(head, name, nn.Sequential(*(FusedConv2d(conv, True) for conv in convs)))


def fuse_ipn(network: InteractionNet | PropagationNet) -> None:
    """Fuse a network whose batch norms are folded, in place; fusing twice changes nothing."""
    fuse_blocks(network)
