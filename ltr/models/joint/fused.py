"""JOINT for inference on a CPU: what follows a convolution is computed with it."""

from __future__ import annotations

import torch
from torch import nn

from ltr.models.backbone.fused_resnet import fuse_resnet
from ltr.models.joint.decoder import FeatureReducer, RefinementBlock
from ltr.models.joint.joint_net import JOINTNet
from ltr.models.layers.fused import FusedConv2d, fuse_sequential, split_conv


class FusedReducer(FeatureReducer):
    """A ``FeatureReducer`` whose first convolution is two: of features, and of encodings.

    Args:
        reducer: What it takes the place of.
    """

    def __init__(self, reducer: FeatureReducer) -> None:
        nn.Module.__init__(self)
        self.reduce, self.encoding_dim = reducer.reduce, reducer.encoding_dim
        first, _, *rest = reducer.transform.children()
        assert isinstance(first, nn.Conv2d)  # a Sequential forgets the classes of its members
        of_features, of_encodings = split_conv(first, first.in_channels - self.encoding_dim)
        self.of_features = FusedConv2d(of_features, rectifies=False)
        self.of_encodings = FusedConv2d(of_encodings, rectifies=True)
        self.transform = nn.Sequential(*rest)
        fuse_sequential(self.reduce)
        fuse_sequential(self.transform)

    def mix(
        self, reduced: torch.Tensor, encodings: torch.Tensor, index: torch.Tensor | slice
    ) -> torch.Tensor:
        """See ``FeatureReducer``."""
        features = self.of_features(reduced)[index]
        encodings = encodings.contiguous(memory_format=torch.channels_last)
        return self.transform(self.of_encodings(encodings, features))


class FusedRefinement(nn.Module):
    """A ``RefinementBlock`` that writes its result over its projection.

    Args:
        block: What it takes the place of, its batch norm folded.
    """

    def __init__(self, block: RefinementBlock) -> None:
        super().__init__()
        first, *_, last = block.bblock.children()
        assert isinstance(first, nn.Conv2d)  # a Sequential forgets the classes of its members
        assert isinstance(last, nn.Conv2d)
        self.conv1x1 = FusedConv2d(block.conv1x1, rectifies=False)
        self.inner = FusedConv2d(first, rectifies=True)
        self.last = FusedConv2d(last, rectifies=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See ``RefinementBlock``."""
        x = self.conv1x1(x)
        return self.last(self.inner(x), x)


def fuse_joint(network: JOINTNet) -> None:
    """Fuse a network whose batch norms are folded, in place; fusing twice changes nothing."""
    fuse_resnet(network.feature_extractor)
    fuse_sequential(network.target_model.feature_extractor)
    fuse_sequential(network.transformer.feature_adjustor)
    decoder = network.decoder
    for name in decoder.layers:
        reducer = decoder.TSE[name]
        if type(reducer) is FeatureReducer:
            decoder.TSE[name] = FusedReducer(reducer)
        for blocks in (decoder.RRB1, decoder.RRB2):
            block = blocks[name]
            if type(block) is RefinementBlock:
                blocks[name] = FusedRefinement(block)
    for layers in decoder.proj.children():
        assert isinstance(layers, nn.Sequential)  # a ModuleDict forgets its members' class
        fuse_sequential(layers)
