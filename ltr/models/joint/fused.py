"""JOINT for inference on a CPU: what follows a convolution is computed with it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ltr.models.backbone.fused_resnet import fuse_resnet
from ltr.models.joint.decoder import FeatureReducer, RefinementBlock, ScoreHead
from ltr.models.joint.joint_net import JOINTNet
from ltr.models.layers.fused import FusedConv2d, fuse_sequential, split_conv
from ltr.models.layers.matmul import linear_fast
from ltr.models.layers.resizing import sum_doubled


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

    def see(self, reduced: torch.Tensor) -> torch.Tensor:
        """See ``FeatureReducer``."""
        return self.of_features(reduced)

    def mix(self, seen: torch.Tensor, encodings: torch.Tensor) -> torch.Tensor:
        """See ``FeatureReducer``."""
        encodings = encodings.contiguous(memory_format=torch.channels_last)
        return self.transform(self.of_encodings(encodings, seen))


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


class FusedHead(ScoreHead):
    """A ``ScoreHead`` whose doublings are part of the products.

    Args:
        head: What it takes the place of.
    """

    def __init__(self, head: ScoreHead) -> None:
        nn.Module.__init__(self)
        doubling = FusedConv2d(head.conv1, rectifies=True, is_doubled=True)
        self.conv1 = doubling  # type: ignore[assignment]
        self.conv2 = head.conv2

    def forward(self, x: torch.Tensor, image_size: Sequence[int]) -> torch.Tensor:
        """See ``ScoreHead``."""
        maps = self.conv1(x)
        if tuple(image_size) != (2 * maps.shape[-2], 2 * maps.shape[-1]):
            return self.finish(maps, image_size)
        kernel = self.conv2.weight[0].flatten(1).t()
        pixels = maps.permute(0, 2, 3, 1)
        taps = linear_fast(pixels.flatten(0, 2), kernel.contiguous())
        sums = [sum_doubled(own) for own in taps.view(*pixels.shape[:3], -1)]
        scores = torch.stack(sums)[:, None]
        return scores if self.conv2.bias is None else scores.add_(self.conv2.bias)


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
    if type(decoder.project) is ScoreHead:
        decoder.project = FusedHead(decoder.project)
    for layers in decoder.proj.children():
        assert isinstance(layers, nn.Sequential)  # a ModuleDict forgets its members' class
        fuse_sequential(layers)
