"""What JOINT's network is built from."""

from __future__ import annotations

from dataclasses import dataclass

from ltr.admin.ranges import Ranged


@dataclass(frozen=True, kw_only=True)
class Design(Ranged):
    """Sizes of a network; the defaults are those of the released ResNet-50 checkpoints.

    Args:
        filter_size: Side of the target model's filters.
        num_filters: Channels of the mask encodings.
        optim_iter: Filter iterations on the first frame during training.
        optim_init_reg: Start value of the learned regularisation.
        out_feature_dim: Channels of the induction branch.
        label_encoder_dims: Channels inside the label encoder.
        frozen_backbone_layers: Backbone modules that are not trained.
        decoder_mdim: Channels of the decoder at the finest layer.
        transformer_dim: Channels of the transduction branch.
        key_dim: Channels of its keys.
        backbone_width: Channels of the backbone's stem.
    """

    filter_size: int = 3
    num_filters: int = 16
    optim_iter: int = 5
    optim_init_reg: float = 0.01
    out_feature_dim: int = 512
    label_encoder_dims: tuple[int, ...] = (16, 32, 64)
    frozen_backbone_layers: tuple[str, ...] = ()
    decoder_mdim: int = 64
    transformer_dim: int = 512
    key_dim: int = 128
    backbone_width: int = 64


@dataclass(frozen=True, kw_only=True)
class Design18(Design):
    """Sizes of the small network on ResNet-18."""

    out_feature_dim: int = 256
    transformer_dim: int = 256
    key_dim: int = 64


@dataclass(frozen=True, kw_only=True)
class Design50(Design):
    """Sizes of the network on ResNet-50.

    Args:
        backbone_pretrained: Recorded in checkpoints; weights are loaded by the training recipe.
        backbone_type: ``mrcnn`` (Caffe-style strides) or ``imagenet``.
    """

    backbone_pretrained: bool = False
    backbone_type: str = "mrcnn"
