"""Dense Unsupervised Learning (arXiv 2111.06265): the network and the function that builds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from ltr.admin.model_constructor import model_constructor
from ltr.models.backbone.resnet import ResNet, resnet18

_STRIDES = (1, 2, 1, 1)  # the last two stages keep the resolution of the second


class Embeddings(NamedTuple):
    """Features of images, (N, channels, H / 8, W / 8), rounded up.

    Args:
        res3: Output of ``layer3``.
        res4: Output of ``layer4``.
        key: Output of the projection head, the only one that is trained directly.
    """

    res3: torch.Tensor
    res4: torch.Tensor
    key: torch.Tensor


class ProjectionHead(nn.Module):
    """Two 1x1 convolutions from the backbone's features to the embedding.

    Args:
        channels: Channels of the input features.
        feature_dim: Channels of the embedding.
    """

    def __init__(self, channels: int, feature_dim: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, feature_dim, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, channels, h, w) -> (N, feature_dim, h, w)."""
        return self.conv2(self.relu(self.bn1(self.conv1(x))))


class DenseULearnNet(nn.Module):
    """One convolutional network for everything; ``forward`` is the pass of a training step.

    The two parts lie in ``fast_net``, as in upstream's snapshots.

    Args:
        backbone: With stages ``layer3`` and ``layer4`` of one resolution.
        head: Reads ``layer4``.
    """

    def __init__(self, backbone: ResNet, head: ProjectionHead) -> None:
        super().__init__()
        self.fast_net = nn.ModuleDict({"backbone": backbone, "emb_q": head})

    @staticmethod
    def adapt_state_dict(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Drop the ``module.`` that old snapshots of several GPUs have in their keys."""
        return {key.replace("module.", ""): value for key, value in state.items()}

    @property
    def backbone(self) -> ResNet:
        """The residual network."""
        backbone = self.fast_net["backbone"]
        assert isinstance(backbone, ResNet)  # a ModuleDict forgets its members' class
        return backbone

    def features(self, images: torch.Tensor, name: str) -> torch.Tensor:
        """Compute one of the ``Embeddings`` of images, and nothing that it does not need.

        Args:
            images: (N, 3, H, W) RGB, normalised by ``IMAGENET_RGB``.
            name: ``res3``, ``res4`` or ``key``.
        """
        last = "layer3" if name == "res3" else "layer4"
        found = self.backbone(images, last)[last]
        return self.fast_net["emb_q"](found) if name == "key" else found

    def embed(self, images: torch.Tensor, normalises: bool = True) -> Embeddings:
        """Compute all features of images.

        Args:
            images: (N, 3, H, W) RGB, normalised by ``IMAGENET_RGB``.
            normalises: Scale every feature vector to length one.
        """
        layers = self.backbone(images)
        key = self.fast_net["emb_q"](layers["layer4"])
        found = Embeddings(layers["layer3"], layers["layer4"], key)
        return Embeddings(*map(F.normalize, found)) if normalises else found

    def forward(
        self, main: torch.Tensor, reg: torch.Tensor, stop_gradient: bool = True
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed the two views of clips (section 3.3).

        The main view and the first frame of the regularising view go through the network together,
        the other frames of the regularising view in a second pass without gradient. Batch norms
        therefore see two batches a step.

        Args:
            main: (clips, frames, 3, H, W), normalised.
            reg: The same frames, zoomed and mirrored, same shape as ``main``.
            stop_gradient: Whether the second pass is without gradient.

        Returns:
            Keys of both views, (clips, frames, feature_dim, H / 8, W / 8), of length one.
        """
        frames = main.shape[1]
        first = torch.cat([main, reg[:, :1]], dim=1)
        keys = self._keys(first)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not stop_gradient):
            others = self._keys(reg[:, 1:]) if frames > 1 else keys[:, :0]
        return keys[:, :frames], torch.cat([keys[:, frames:], others], dim=1)

    def _keys(self, images: torch.Tensor) -> torch.Tensor:
        return self.embed(images.flatten(0, 1)).key.unflatten(0, images.shape[:2])


@model_constructor
def dense_ulearn_resnet18(feature_dim: int = 128, backbone_width: int = 64) -> DenseULearnNet:
    """Build the network of the released snapshots, on ResNet-18 with a stride of 8.

    Args:
        feature_dim: Channels of the embedding.
        backbone_width: Channels of the backbone's stem.
    """
    backbone = resnet18(backbone_width, strides=_STRIDES)
    return DenseULearnNet(backbone, ProjectionHead(backbone.channels["layer4"], feature_dim))
