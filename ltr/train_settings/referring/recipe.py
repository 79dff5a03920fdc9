"""The rows of a referring experiment (arXiv 2201.00487 and the released code of TF²)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.admin.ranges import Count
from ltr.data.referring.augmentation import CROPPED_IMAGE_SIDES, IMAGE_SIDES, VIDEO_SIDES
from ltr.models.referring.criterion import ALPHA, LossWeights, MatchCosts
from ltr.models.referring.design import Design
from ltr.train_settings.recipe import Recipe
from ltr.trainers.optimizer import OptimizerKind


@dataclass(frozen=True)
class StartFiles:
    """Where training with a backbone starts from; the files lie in ``pretrained_networks``.

    Args:
        title: Name of the backbone in papers.
        backbone: File of the backbone alone, trained on ImageNet or, for video backbones, Kinetics.
        network: ReferFormer's image pre-training with it.
        is_large: Whether its activations are recomputed in the backward pass.
    """

    title: str
    backbone: str
    network: str
    is_large: bool = False


START_FILES: Mapping[str, StartFiles] = {
    # torchvision's first weights, with which the released networks began
    "resnet50": StartFiles("ResNet-50", "resnet50-0676ba61.pth", "r50_pretrain.pth"),
    "resnet101": StartFiles("ResNet-101", "resnet101-63fe2227.pth", "r101_pretrain.pth"),
    "swin_t_p4w7": StartFiles(
        "Swin-T", "swin_tiny_patch4_window7_224.pth", "swin_tiny_pretrained.pth"
    ),
    "swin_l_p4w7": StartFiles(
        "Swin-L", "swin_large_patch4_window7_224_22k.pth", "swin_large_pretrained.pth", True
    ),
    "video_swin_t_p4w7": StartFiles(
        "Video-Swin-T",
        "swin_tiny_patch244_window877_kinetics400_1k.pth",
        "video_swin_tiny_pretrained.pth",
    ),
    "video_swin_s_p4w7": StartFiles(
        "Video-Swin-S",
        "swin_small_patch244_window877_kinetics400_1k.pth",
        "video_swin_small_pretrained.pth",
        True,
    ),
    "video_swin_b_p4w7": StartFiles(
        "Video-Swin-B",
        "swin_base_patch244_window877_kinetics400_1k.pth",
        "video_swin_base_pretrained.pth",
        True,
    ),
}

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
class ReferringRecipe(Design, Recipe):
    """Data, network and losses; see ``Design`` and ``Recipe`` for the other rows.

    Args:
        train_sets: Names (``ltr/dataset/referring/registry.py``).
        validation_sets: Data sets of the evaluation after an epoch, named in the same way; the
            shorter side is ``validation_short_side``, nothing is cropped, mirrored or recoloured.
        full_epochs: An epoch, also of the evaluation, shows every sample once; else
            ``samples_per_epoch`` and ``validation_samples`` random ones.
        num_frames: Frames of a clip: 1, or at least 3.
        neighbouring_frames: The frames of a training clip follow each other, as at inference; else
            they are drawn from the whole video.
        tracking: Feed tracking images (TF²); without them it is ReferFormer.
        paired_augmentation: Tracking images get the geometry of the clip instead of their own.
        tracking_dropout: Share of samples whose tracking images are the unchanged frames.
        short_sides: Shorter sides of a clip, pixels; one is drawn.
        max_size: Limit of the longer side of a clip, pixels.
        validation_short_side: Shorter side of a clip in the evaluation, pixels.
        image_short_sides: Shorter sides of single images, pixels; one is drawn.
        cropped_image_short_sides: Shorter sides of single images that are cropped, pixels.
        image_max_size: Limit of the longer side of a single image that is not cropped.
        random_crop: Whether half the clips are cropped.
        photometric_distortion: Whether the colours of videos change.
        horizontal_flip: Whether half the clips are mirrored, and their sentences with them.
        pretrained: Network to start from, all but its classifiers: a file, or a name in
            ``pretrained_networks``; None starts from ``backbone_weights`` and the text encoder's.
        backbone_weights: Pre-trained backbone: a file, the folder of a training of looks, or a name
            in ``pretrained_networks``; None starts from random weights. With ``init_checkpoint``
            it replaces that network's backbone.
        tokenizer_dir: Folder with the text encoder's ``vocab.json`` and ``merges.txt``: a path, or
            a name in ``pretrained_networks``.
        load_text_encoder: Load the text encoder's weights from ``tokenizer_dir`` in a run without
            ``pretrained``.
        auxiliary_losses: The earlier decoder layers have losses too.
        clips_per_group: Masks are compared in the padding of so many neighbouring clips, as on GPUs
            with so many clips each; None compares them in that of all clips of a process.
        focal_alpha: Weight of the positive class in the classification loss.
        match_costs: Weight of each part of a query's matching cost; a part that is left out keeps
            its default (``label``, ``box``, ``giou``, ``mask``, ``dice``).
        loss_weights: Weight of each loss (``loss_ce``, ``loss_bbox``, ``loss_giou``, ``loss_mask``,
            ``loss_dice``), in the same way.
    """

    train_sets: tuple[str, ...]
    validation_sets: tuple[str, ...] = ()
    full_epochs: bool = True
    num_frames: int = 5
    neighbouring_frames: bool = False
    tracking: bool = True
    paired_augmentation: bool = False
    tracking_dropout: float = 0.0

    short_sides: tuple[int, ...] = VIDEO_SIDES
    max_size: int = 640
    validation_short_side: int = 360
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

    auxiliary_losses: bool = True
    clips_per_group: Count | None = None
    focal_alpha: float = ALPHA
    match_costs: Mapping[str, float] = field(default_factory=dict)
    loss_weights: Mapping[str, float] = field(default_factory=dict)

    freeze_text_encoder: bool = True
    samples_per_epoch: Count = 1
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
        _check_names("match_costs", self.match_costs, MatchCosts)
        _check_names("loss_weights", self.loss_weights, LossWeights)


def with_backbone(recipe: ReferringRecipe, backbone: str) -> ReferringRecipe:
    """The same experiment with another backbone and the files that belong to it.

    Args:
        recipe: An experiment with one of ``START_FILES``'s backbones.
        backbone: A key of ``START_FILES``.
    """
    files, title = START_FILES[backbone], START_FILES[recipe.backbone].title
    return replace(
        recipe,
        description=recipe.description.replace(title, files.title),
        backbone=backbone,
        backbone_weights=recipe.backbone_weights and files.backbone,
        pretrained=recipe.pretrained and files.network,
        gradient_checkpointing=files.is_large,
    )


def from_backbone(recipe: ReferringRecipe) -> ReferringRecipe:
    """The same experiment without the image pre-training: only the backbone's file is loaded."""
    files = START_FILES[recipe.backbone]
    return replace(recipe, pretrained=None, backbone_weights=files.backbone)


def on_a2d(recipe: ReferringRecipe) -> ReferringRecipe:
    """The same experiment on A2D-Sentences, on 8 GPUs with two clips each as the authors did."""
    return replace(
        recipe,
        description=recipe.description.replace("Ref-YouTube-VOS", "A2D-Sentences"),
        train_sets=("A2D/train",),
        validation_sets=("A2D/test",),
        batch_size=16,
        clips_per_group=2,
    )


def _check_names(row: str, given: Mapping[str, float], kind: type) -> None:
    known = [item.name for item in fields(kind)]
    for name in given:
        if name not in known:
            raise ConfigError(f"{row}: there is no {name!r}{did_you_mean(name, known)}")
