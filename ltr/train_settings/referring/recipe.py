"""The rows of a referring experiment (arXiv 2201.00487 and the released code of TF²)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ltr.admin.errors import ConfigError
from ltr.data.referring.augmentation import CROPPED_IMAGE_SIDES, IMAGE_SIDES, VIDEO_SIDES
from ltr.train_settings.recipe import Recipe
from ltr.trainers.optimizer import OptimizerKind

RESNET50_FILE = "resnet50-0676ba61.pth"
"""torchvision's first weights, with which the released networks began."""

RATES = {
    "backbone": 5e-5,
    "text_encoder": 1e-5,
    **dict.fromkeys(
        (
            "resizer", "fusion_module", "input_proj", "query_embed", "transformer", "class_embed",
            "bbox_embed", "controller", "pixel_decoder",
        ),
        1e-4,
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ReferringRecipe(Recipe):
    """Data, network and losses; see ``Recipe`` for the other rows.

    Args:
        train_sets: Names (``ltr/dataset/referring/registry.py``).
        validation_sets: Data sets for the validation losses, named in the same way.
        full_epochs: An epoch shows every sample once; else ``samples_per_epoch`` random ones.
        num_frames: Frames of a clip: 1, or at least 3.
        tracking: Feed tracking images (TF²); without them it is ReferFormer.
        paired_augmentation: Tracking images get the geometry of the clip instead of their own.
        tracking_dropout: Share of samples whose tracking images are the unchanged frames.
        short_sides: Shorter sides of a clip, pixels; one is drawn.
        max_size: Limit of the longer side of a clip, pixels.
        image_short_sides: Shorter sides of single images, pixels; one is drawn.
        cropped_image_short_sides: Shorter sides of single images that are cropped, pixels.
        image_max_size: Limit of the longer side of a single image that is not cropped.
        random_crop: Whether half the clips are cropped.
        photometric_distortion: Whether the colours of videos change.
        horizontal_flip: Whether half the clips are mirrored, and their sentences with them.
        pretrained: Network to start from, all but its classifiers: a file, or a name in
            ``pretrained_networks``; None starts from ``backbone_weights`` and the text encoder's.
        backbone_weights: Pre-trained backbone: a file, or a name in ``pretrained_networks``; None
            starts from random weights.
        tokenizer_dir: Folder with the text encoder's ``vocab.json`` and ``merges.txt``: a path, or
            a name in ``pretrained_networks``.
        load_text_encoder: Load the text encoder's weights from ``tokenizer_dir`` in a run without
            ``pretrained``.
        num_classes: 1, or the number of categories.
        backbone: See ``ltr.models.referring.referformer.referformer``, for this and what follows.
        backbone_from_scratch: Train all of it.
        backbone_width: Channels of the stem.
        with_box_refine: Each decoder layer refines the boxes.
        num_queries: Number of object queries.
        hidden_dim: Channels.
        num_heads: Attention heads.
        num_levels: Resolutions that the encoder joins, 3 or more.
        num_points: Points that an attention head reads in each.
        encoder_layers: Number of encoder layers.
        decoder_layers: Number of decoder layers.
        feedforward_dim: Hidden units.
        dropout: Share of units dropped.
        mask_dim: Channels of the mask features.
        freeze_text_encoder: Do not train the text encoder.
        text_config: Fields of the text encoder's configuration that differ from roberta-base.
        gradient_checkpointing: Save memory in Swin backbones.
    """

    train_sets: tuple[str, ...]
    validation_sets: tuple[str, ...] = ()
    full_epochs: bool = True
    num_frames: int = 5
    tracking: bool = True
    paired_augmentation: bool = False
    tracking_dropout: float = 0.0

    short_sides: tuple[int, ...] = VIDEO_SIDES
    max_size: int = 640
    image_short_sides: tuple[int, ...] = IMAGE_SIDES
    cropped_image_short_sides: tuple[int, ...] = CROPPED_IMAGE_SIDES
    image_max_size: int = 800
    random_crop: bool = True
    photometric_distortion: bool = True
    horizontal_flip: bool = True

    pretrained: str | None = None
    backbone_weights: str | None = None
    tokenizer_dir: str = "roberta-base"
    load_text_encoder: bool = True

    num_classes: int = 1
    backbone: str = "resnet50"
    backbone_from_scratch: bool = False
    backbone_width: int | None = None
    with_box_refine: bool = True
    num_queries: int = 5
    hidden_dim: int = 256
    num_heads: int = 8
    num_levels: int = 4
    num_points: int = 4
    encoder_layers: int = 4
    decoder_layers: int = 4
    feedforward_dim: int = 2048
    dropout: float = 0.1
    mask_dim: int = 256
    freeze_text_encoder: bool = True
    text_config: Mapping[str, int] | None = None
    gradient_checkpointing: bool = False

    samples_per_epoch: int = 1
    optimizer: OptimizerKind = "adamw"
    learning_rates: Mapping[str, float] = field(default_factory=lambda: dict(RATES))
    weight_decay: float = 5e-4
    max_gradient_norm: float | None = 0.1
    seed: int = 42

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.train_sets:
            raise ConfigError("train_sets must name at least one data set")
        if self.num_frames < 1 or self.num_frames == 2:
            raise ConfigError(f"num_frames is 1, or at least 3, got {self.num_frames}")
        if not 0 <= self.tracking_dropout <= 1:
            raise ConfigError(f"tracking_dropout is a share, 0..1, got {self.tracking_dropout}")
