"""The rows of an experiment with IPN (Oh et al., CVPR 2019; trained as by zyy-cn/IPN)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ltr.admin.ranges import Count
from ltr.train_settings.recipe import Recipe

_RATE = 1e-5


@dataclass(frozen=True, kw_only=True)
class IpnRecipe(Recipe):
    """Data and network; see ``Recipe`` for the other rows.

    Args:
        split: List of sequences of DAVIS 2017.
        short_side: To which frames are scaled, pixels.
        crop_size: Side of the square crops, pixels.
        backbone_weights: ImageNet weights of both encoders: a name of torchvision or a path; None
            starts from random weights.
        width: Channels of the stems.
        mdim: Channels of the decoders.
    """

    split: str = "train"
    short_side: Count = 480
    crop_size: Count = 400
    backbone_weights: str | None = "resnet50"
    width: Count = 64
    mdim: Count = 256

    samples_per_epoch: None = None
    learning_rates: Mapping[str, float] = field(
        default_factory=lambda: {"interaction": _RATE, "propagation": _RATE}
    )
    weight_decay: float = 5e-4
