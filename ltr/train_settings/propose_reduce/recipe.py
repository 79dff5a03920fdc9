"""The rows of a Propose-Reduce experiment (arXiv 2103.13746; values of the released code)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from ltr.admin.errors import ConfigError
from ltr.admin.ranges import Count, NotNegative, Probability
from ltr.dataset.youtubevis_classes import CLASSES
from ltr.train_settings.recipe import Recipe
from ltr.trainers.optimizer import OptimizerKind


@dataclass(frozen=True, kw_only=True)
class ProposeReduceRecipe(Recipe):
    """Data, network and losses; see ``Recipe`` for the other rows.

    ``init_checkpoint`` may also name a released file.

    Args:
        train_set: Name of the data set (``ltr/dataset/instance_sets.py``).
        validation_set: Data set for the validation losses, named in the same way; None for none.
        samples_per_epoch: None makes an epoch of every annotated frame once.
        categories: What is learned: ``ytvis2019``, ``ytvis2021``, ``davis`` (one class for all
            objects), ``shapes``, or names separated by commas.
        img_scale: Longest and shortest side of the network's input, pixels.
        flip_probability: Probability of mirroring both frames of a pair, 0..1.
        colour_jitter: The colours of both frames of a pair are multiplied by up to 1 plus or minus
            this, each channel by itself, 0..1.
        max_objects: Largest number of propagated objects per pair.
        pairs_per_group: Losses are normalised over so many pairs of one orientation and averaged
            over the groups of a batch, as on GPUs with so many pairs each; None makes one group.
        rpn_batch_size: Anchors sampled per image for the loss of the proposals.
        box_batch_size: Proposals sampled per image for the losses of class and box.
        entropy_weight: Weight of the cross entropy of propagated masks; 0 as in the paper.
        key_weight: Weight of a loss of the propagation's attention itself, which a propagation from
            random weights needs; 0 as in the paper.
        backbone: ``resnet50``, ``resnet101``, ``resnext101_64x4d``, or ``resnet18``.
        backbone_weights: Pre-trained weights: a path, a file in ``pretrained_networks``, or a name
            of torchvision; None starts from random ones.
        backbone_format: Input that these were trained with: ``rgb``, or ``bgr255`` for those of
            JOINT; the stem is converted.
        width: Channels of the pyramid.
        backbone_width: Channels of the stem of ``resnet18``.
        new_propagation: With ``init_checkpoint``: the propagation head starts from random weights.
        from_scratch: Train every layer, batch norms with the statistics of the batch.
    """

    train_set: str
    validation_set: str | None = None
    samples_per_epoch: Count | None = None
    categories: str = "ytvis2019"

    img_scale: tuple[int, int] = (640, 360)
    flip_probability: float = 0.5
    colour_jitter: Probability = 0.0
    max_objects: int = 5
    pairs_per_group: int | None = None
    rpn_batch_size: int = 64
    box_batch_size: int = 128
    entropy_weight: NotNegative = 0.0
    key_weight: NotNegative = 0.0

    backbone: str = "resnet50"
    backbone_weights: str | None = None
    backbone_format: Literal["rgb", "bgr255"] = "rgb"
    width: int = 256
    backbone_width: int = 64
    new_propagation: bool = False
    from_scratch: bool = False

    optimizer: OptimizerKind = "sgd"
    learning_rates: Mapping[str, float] = field(
        default_factory=lambda: dict.fromkeys(("backbone", "rpn", "roi_heads", "prop_head"), 1.0)
    )  # times lr_scale
    weight_decay: float = 1e-4
    max_gradient_norm: float | None = 35.0

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; label 1 is the first."""
        return CLASSES.get(self.categories) or tuple(self.categories.split(","))

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.img_scale) < 32 or self.max_objects < 1:
            raise ConfigError("max_objects must be >= 1, the sides of img_scale >= 32")
        if self.pairs_per_group is not None and self.pairs_per_group < 1:
            raise ConfigError(f"pairs_per_group must be >= 1, got {self.pairs_per_group}")
        if min(self.rpn_batch_size, self.box_batch_size) < 2:
            raise ConfigError("rpn_batch_size and box_batch_size must be >= 2")
        if not all(self.classes):
            raise ConfigError(f"categories: expected names, got {self.categories!r}")


def with_backbone(
    recipe: ProposeReduceRecipe, backbone: str, init_checkpoint: str, pairs: int
) -> ProposeReduceRecipe:
    """The fine-tuning of a network with another backbone, on four GPUs as the authors did.

    Args:
        recipe: What stays.
        backbone: See ``ProposeReduceRecipe``.
        init_checkpoint: See ``Recipe``.
        pairs: Pairs on each GPU.
    """
    return replace(
        recipe,
        backbone=backbone,
        init_checkpoint=init_checkpoint,
        batch_size=4 * pairs,
        pairs_per_group=pairs,
    )
