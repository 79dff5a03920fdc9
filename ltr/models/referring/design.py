"""What a ReferFormer is built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ltr.admin.errors import ConfigError
from ltr.admin.ranges import Ranged

PYRAMID_LEVELS = 3  # encoded maps that the pixel decoder reads, strides 8, 16, 32


@dataclass(frozen=True)
class Design(Ranged):
    """What a network is built from; the defaults are those of the released ResNet-50 checkpoints.

    Args:
        backbone: One of ``ltr.models.referring.backbones.BACKBONES``.
        num_classes: 1 for referred or not; 65 for the classes of YouTube-VOS.
        with_box_refine: Whether each decoder layer starts from the box of the one before.
        num_queries: Number of object queries.
        hidden_dim: Channels, a multiple of 32.
        num_heads: Attention heads.
        encoder_layers: Number of encoder layers.
        decoder_layers: Number of decoder layers.
        feedforward_dim: Hidden units.
        num_levels: Levels of the transformer, 3 or more.
        num_points: Points that an attention head reads in each level.
        dropout: Share of units that encoder and decoder drop in training.
        pixel_decoder_dropout: Share of units that the pixel decoder drops in training; 0.1 in all
            released networks, whatever ``dropout`` was.
        mask_dim: Channels of the mask features.
        mask_channels: Channels between the dynamic convolutions.
        mask_layers: Number of dynamic convolutions.
        relative_coordinates: Whether they see the place relative to the object's centre.
        freeze_text_encoder: Whether the text encoder is not trained; its dropout stays active.
        dilation: Whether the last stage of a ResNet keeps the third's resolution.
        gradient_checkpointing: Recompute a Swin's activations in the backward pass.
        backbone_from_scratch: Train all of a ResNet, with batch norms; else norms are fixed and
            the stem and the first stage frozen.
        backbone_width: Channels of the backbone's stem; None for its own.
        text_config: Fields of ``transformers.RobertaConfig`` that differ from roberta-base.

    Raises:
        ConfigError: The sizes do not fit each other.
    """

    backbone: str = "resnet50"
    num_classes: int = 1
    with_box_refine: bool = True
    num_queries: int = 5
    hidden_dim: int = 256
    num_heads: int = 8
    encoder_layers: int = 4
    decoder_layers: int = 4
    feedforward_dim: int = 2048
    num_levels: int = 4
    num_points: int = 4
    dropout: float = 0.1
    pixel_decoder_dropout: float = 0.1
    mask_dim: int = 256
    mask_channels: int = 8
    mask_layers: int = 3
    relative_coordinates: bool = True
    freeze_text_encoder: bool = False
    dilation: bool = False
    gradient_checkpointing: bool = False
    backbone_from_scratch: bool = False
    backbone_width: int | None = None
    text_config: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden_dim % 32 or self.hidden_dim % self.num_heads:
            raise ConfigError(
                f"hidden_dim={self.hidden_dim} is not a multiple of 32 and "
                f"num_heads={self.num_heads}"
            )
        if self.num_levels < PYRAMID_LEVELS:
            raise ConfigError(f"num_levels must be >= {PYRAMID_LEVELS}, got {self.num_levels}")
