"""ReferFormer for inference on a CPU: what follows a convolution is computed with it."""

from __future__ import annotations

from torch import nn

from ltr.models.backbone.fused_resnet import fuse_resnet
from ltr.models.layers.folding import fold_batch_norms
from ltr.models.layers.fused import fuse_sequential, pack
from ltr.models.layers.memory_format import to_channels_last
from ltr.models.layers.winograd import use_winograd
from ltr.models.referring.backbones import ResNetBackbone
from ltr.models.referring.referformer import ReferFormer


def prepare_for_cpu(network: ReferFormer) -> None:
    """Make a network in eval mode ready for exact inference on a CPU, in place."""
    if isinstance(network.body, ResNetBackbone):
        fuse_resnet(fold_batch_norms(network.body))
        to_channels_last(network.body)
    for layers in network.input_proj:
        assert isinstance(layers, nn.Sequential)  # a ModuleList forgets its members' class
        fuse_sequential(layers)
    pack(network)
    use_winograd(network)
    network.is_prepared = network.pixel_decoder.is_side_by_side = True
