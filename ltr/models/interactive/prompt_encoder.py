"""A residual network that sees an image and further maps through stems of their own."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import nn

from ltr.admin.loading import load_state
from ltr.admin.pretrained import torchvision_state
from ltr.data.image_format import IMAGENET_RGB, ImageFormat, for_imagenet_input
from ltr.models.backbone.resnet import USUAL_STRIDES, BasicBlock, Bottleneck
from ltr.models.layers.folding import fold_batch_norms

STAGES = ("res2", "res3", "res4", "res5")
RESNET50 = (3, 4, 6, 3)
Block = Literal["bottleneck", "basic"]
_BLOCKS: dict[Block, type[Bottleneck] | type[BasicBlock]] = {
    "bottleneck": Bottleneck,
    "basic": BasicBlock,
}
_OWN = ("conv1_", "mean", "std")  # what no ResNet has


class PromptEncoder(nn.Module):
    """ResNet with torchvision's layout; the outputs of all stems are added.

    Args:
        stems: Names of the further maps; a map ``m`` (a mask) has a bias.
        width: Channels of the stems.
        depths: Number of blocks of the four stages.
        block: Kind of the blocks, of ResNet-50 (``bottleneck``) or of ResNet-18 (``basic``).
    """

    def __init__(
        self,
        stems: Sequence[str],
        width: int = 64,
        depths: Sequence[int] = RESNET50,
        block: Block = "bottleneck",
    ) -> None:
        super().__init__()
        self.mean: torch.Tensor
        self.std: torch.Tensor
        for name, values in (("mean", IMAGENET_RGB.mean), ("std", IMAGENET_RGB.std)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1))
        for name in stems:
            stem = nn.Conv2d(1, width, 7, 2, 3, bias=name == "m")
            nn.init.normal_(stem.weight, 0.0, math.sqrt(2.0 / (7 * 7 * width)))
            self.add_module(f"conv1_{name}", stem)
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inplanes, kind = width, _BLOCKS[block]
        for index, name in enumerate(STAGES):
            planes = width * 2**index
            blocks = []
            for position in range(depths[index]):
                stride = USUAL_STRIDES[index] if position == 0 else 1
                blocks.append(kind(inplanes, planes, stride, is_caffe_style=False))
                inplanes = planes * kind.expansion
            self.add_module(name, nn.Sequential(*blocks))
        self.out_channels = inplanes

    def forward(
        self, images: torch.Tensor, maps: Mapping[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Compute the features of all stages.

        Args:
            images: (N, 3, H, W) RGB, 0..1.
            maps: (N, 1, H, W) for some of the stems.

        Returns:
            ``res2`` .. ``res5``, (N, channels, H / s, W / s) with s = 4, 8, 16, 32.
        """
        x = self.conv1((images - self.mean) / self.std)
        for name, values in maps.items():
            x = x + getattr(self, f"conv1_{name}")(values)
        x = self.maxpool(self.relu(self.bn1(x)))
        features = {}
        for name in STAGES:
            x = getattr(self, name)(x)
            features[name] = x
        return features


def load_imagenet(
    encoder: PromptEncoder,
    name: str,
    folder: str | os.PathLike[str],
    without: str,
    source: ImageFormat = IMAGENET_RGB,
) -> None:
    """Fill everything but the stems of the maps with a ResNet's weights.

    Args:
        encoder: An encoder whose sizes are those of the ResNet.
        name: A name of torchvision's weights, or a path; see ``torchvision_state``.
        folder: Folder of downloaded weights (``pretrained_networks``).
        without: What a user writes to start from random weights, for the error.
        source: Input that the weights were trained with; the stem is changed to ours, but for a
            constant.

    Raises:
        ConfigError: torchvision has no weights of this name.
        CheckpointError: The file is missing, damaged or of another network.
    """
    file, state = torchvision_state(name, folder, without)
    renamed = {re.sub(r"^layer(\d)\.", _stage_name, key): value for key, value in state.items()}
    if source != IMAGENET_RGB and "conv1.weight" in renamed:
        renamed["conv1.weight"] = for_imagenet_input(renamed["conv1.weight"], source)
    own = encoder.state_dict()
    kept = {key: value for key, value in own.items() if key.startswith(_OWN)}
    load_state(encoder, kept | renamed, file)


def _stage_name(found: re.Match[str]) -> str:
    """``layer1.`` -> ``res2.``."""
    return f"{STAGES[int(found[1]) - 1]}."


def fold_stages(encoder: PromptEncoder) -> None:
    """Fold the batch norms of the stages, in place; that of the stems follows their sum and stays.

    Args:
        encoder: An encoder in eval mode.
    """
    for name in STAGES:
        fold_batch_norms(getattr(encoder, name))
