"""The rows of an experiment with MANet (Miao et al., CVPR 2020; released code)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ltr.admin.errors import ConfigError
from ltr.admin.ranges import Count
from ltr.train_settings.recipe import Recipe
from ltr.trainers.optimizer import OptimizerKind

_RATE = 7e-4
_EMBEDDING = ("seperate_conv", "bn1", "embedding_conv", "bn2")  # the released names


@dataclass(frozen=True, kw_only=True)
class ManetRecipe(Recipe):
    """Data, network and loss; see ``Recipe`` for the other rows.

    Args:
        split: List of sequences of DAVIS 2017.
        crop_size: Side of the square crops, pixels.
        ramp_steps: See ``ManetPropagationActor``.
        backbone_weights: DeepLabV3+ trained on COCO: a file, or a name in ``pretrained_networks``;
            None starts from random weights.
        width: Channels of the backbone's stem.
        planes: Channels of decoder and heads.
        embedding_dim: Channels of the embedding.
    """

    split: str = "train"
    crop_size: int = 416
    ramp_steps: int = 50_000
    backbone_weights: str | None = "model_best.pth.tar"
    width: int = 64
    planes: int = 256
    embedding_dim: int = 100

    samples_per_epoch: Count
    optimizer: OptimizerKind = "sgd"
    learning_rates: Mapping[str, float] = field(
        default_factory=lambda: dict.fromkeys(
            ("feature_extracter", *_EMBEDDING, "dynamic_seghead"), _RATE
        )
    )
    weight_decay: float = 4e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.crop_size < 16:
            raise ConfigError(f"crop_size must be >= 16, got {self.crop_size}")
