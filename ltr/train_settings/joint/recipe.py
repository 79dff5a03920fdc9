"""The rows of a JOINT experiment (arXiv 2108.03679, section 4; values of the released code)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ltr.admin.errors import ConfigError
from ltr.admin.ranges import Count
from ltr.data.crops import CropMode
from ltr.data.image_format import CAFFE_BGR
from ltr.models.joint.design import Design
from ltr.train_settings.recipe import Recipe

_STRIDE = 16


MODULES = ("feature_extractor", "target_model", "decoder", "label_encoder", "transformer")
"""The parts of the network, which may learn at rates of their own."""


@dataclass(frozen=True, kw_only=True)
class JointRecipe(Design, Recipe):
    """Data, network and losses of JOINT; see ``Design`` and ``Recipe`` for the other rows.

    Args:
        train_sets: Name (``ltr/dataset/registry.py``) and weight of each data set.
        validation_sets: Data sets for the validation losses, with their weights; one that has no
            video here is left out.
        num_train_frames: Annotated frames per sample.
        num_test_frames: Frames to be segmented a sample.
        max_gap: Largest distance of a test frame from the annotated frame.
        output_size: Width and height of the network's input, multiples of 16.
        search_area_factor: Side of a crop relative to the target.
        crop_type: What happens to a crop that leaves the image.
        max_scale_change: Largest factor by which it may be shrunk then; None for no limit.
        train_centre_jitter: Displacement of the target in annotated frames.
        train_scale_jitter: Deviation of its logarithmic size.
        test_centre_jitter: Displacement of the target in test frames, along x and y.
        test_scale_jitter: Standard deviation of the logarithm of the target's size in test frames.
        grey_probability: Probability of turning images to grey, 0..1.
        flip_probability: Probability of mirroring images, 0..1.
        max_rotation: Largest rotation of a frame, degrees.
        max_scale: Largest logarithm of the scaling of one frame.
        brightness: The brightness varies from 1 - this to 1 + this.
        image_mean: Mean of the network's input, BGR, 0..255.
        image_std: Standard deviation of the network's input, BGR, 0..255.
        backbone: ``resnet50``, or ``resnet18`` for the small network.
        backbone_type: Strides of the ResNet-50: ``mrcnn`` (Caffe style) or ``imagenet``.
        backbone_weights: Pre-trained weights: a path, a file in ``pretrained_networks``, or a name
            of torchvision; None starts from random ones.
        num_refinement_iter: Filter iterations after each test frame.
        mask_weight: Weight of the Lovasz loss.
        difference_weight: Weight of the loss on the difference between the two encodings.
        entropy_weight: Weight of the cross entropy of the masks. It is not part of the paper; use
            it for a network that starts from random weights.
        freeze_batch_norm: Keep the running statistics of all batch norms fixed.
    """

    samples_per_epoch: Count
    train_sets: Mapping[str, float]
    validation_sets: Mapping[str, float]
    num_train_frames: int = 1
    num_test_frames: int = 3
    max_gap: int = 100

    output_size: tuple[int, int] = (832, 480)
    search_area_factor: float = 5.0
    crop_type: CropMode = "inside_major"
    max_scale_change: float | None = None
    train_centre_jitter: float = 3.0
    train_scale_jitter: float = 0.25
    test_centre_jitter: tuple[float, float] = (5.5, 4.5)
    test_scale_jitter: float = 0.5
    grey_probability: float = 0.05
    flip_probability: float = 0.5
    max_rotation: float = 15.0
    max_scale: float = 0.2
    brightness: float = 0.2
    image_mean: tuple[float, float, float] = CAFFE_BGR.mean
    image_std: tuple[float, float, float] = CAFFE_BGR.std

    backbone: Literal["resnet50", "resnet18"] = "resnet50"
    backbone_type: Literal["mrcnn", "imagenet"] = "mrcnn"
    backbone_weights: str | None = None

    num_refinement_iter: int = 2
    mask_weight: float = 100.0
    difference_weight: float = 1.0
    entropy_weight: float = 0.0
    freeze_batch_norm: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(side <= 0 or side % _STRIDE for side in self.output_size):
            raise ConfigError(
                f"output_size must be positive multiples of {_STRIDE}, got {self.output_size}"
            )
        if not self.train_sets:
            raise ConfigError("train_sets must name at least one data set")


def from_scratch(recipe: JointRecipe, width: int) -> JointRecipe:
    """The same experiment with a ResNet-18 that learns every layer from random weights.

    Args:
        recipe: An experiment with any backbone.
        width: Channels of the stem.
    """
    return replace(
        recipe,
        backbone="resnet18",
        backbone_weights=None,
        backbone_width=width,
        frozen_backbone_layers=(),
        freeze_batch_norm=False,
    )
