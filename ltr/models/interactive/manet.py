"""MANet: memory aggregation networks (Miao et al., CVPR 2020), with their released keys."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from ltr.admin.model_constructor import model_constructor
from ltr.data.image_format import IMAGENET_RGB, ImageFormat
from ltr.models.backbone.resnet import STAGES, Bottleneck
from ltr.models.interactive.deeplab import Pooling, dilated_stages, fuse, resize
from ltr.models.interactive.matching import match_globally, match_locally
from ltr.models.interactive.released import without_module_prefix

# Upstream reads images in the order BGR and normalises them with the constants of RGB.
IMAGE_FORMAT = ImageFormat("bgr", IMAGENET_RGB.mean, IMAGENET_RGB.std)

_DEPTHS = (3, 4, 23, 3)
_LOW_LEVEL = 48  # channels of the first stage in the decoder
_NEW_MOMENTUM = 0.0003
_PROPAGATION_MAPS, _INTERACTION_MAPS = 3, 2


class Backbone(nn.Module):
    """ResNet-101 with a total stride of 16."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        stages, self.out_channels = dilated_stages(Bottleneck, width, _DEPTHS)
        for name, stage in zip(STAGES, stages, strict=True):
            self.add_module(name, stage)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Outputs of the last stage (stride 16) and of the first (stride 4)."""
        x = low = self.get_submodule(STAGES[0])(
            self.maxpool(self.relu(self.bn1(self.conv1(images))))
        )
        for name in STAGES[1:]:
            x = self.get_submodule(name)(x)
        return x, low


class Decoder(nn.Module):
    """Joins pooled features with those of the first stage."""

    def __init__(self, low: int, planes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(low, _LOW_LEVEL, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(_LOW_LEVEL)
        self.relu = nn.ReLU(inplace=True)
        self.last_conv = nn.Sequential(*fuse(planes + _LOW_LEVEL, planes))

    def forward(self, pooled: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
        """(N, planes, h, w), (N, low, H, W) -> (N, planes, H, W)."""
        low = self.relu(self.bn1(self.conv1(low)))
        return self.last_conv(torch.cat([resize(pooled, low.shape[-2:]), low], dim=1))


class DeepLab(nn.Module):
    """DeepLabV3+ without a classifier."""

    def __init__(self, width: int, planes: int) -> None:
        super().__init__()
        self.backbone = Backbone(width)
        self.aspp = Pooling(self.backbone.out_channels, planes, 0.1)
        self.decoder = Decoder(width * Bottleneck.expansion, planes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) -> (N, planes, H / 4, W / 4)."""
        top, low = self.backbone(images)
        return self.decoder(self.aspp(top), low)


class SeparableBlock(nn.Module):
    """A convolution of each channel and one of all channels, with batch norms and ReLUs.

    Args:
        inplanes: Channels of the input.
        planes: Channels of the result.
    """

    def __init__(self, inplanes: int, planes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, inplanes, 7, 1, 3, groups=inplanes)
        self.bn1 = nn.BatchNorm2d(inplanes)
        self.conv2 = nn.Conv2d(inplanes, planes, 1)
        self.bn2 = nn.BatchNorm2d(planes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inplanes, h, w) -> (N, planes, h, w)."""
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class SegmentationHead(nn.Module):
    """Four separable convolutions and a classifier; ids are samples of a batch."""

    def __init__(self, inplanes: int, planes: int) -> None:
        super().__init__()
        self.layer1 = SeparableBlock(inplanes, planes)
        self.layer2 = SeparableBlock(planes, planes)
        self.layer3 = SeparableBlock(planes, planes)
        self.layer4 = SeparableBlock(planes, planes)
        self.conv = nn.Conv2d(planes, 1, 1)

    def forward(self, embedding: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        """Rate every id in every pixel.

        Args:
            embedding: (1, channels, h, w) of the frame.
            maps: (ids, maps, h, w).

        Returns:
            Logits (1, ids, h, w).
        """
        inputs = torch.cat([embedding.expand(len(maps), -1, -1, -1), maps], dim=1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(inputs))))
        return self.conv(x).transpose(0, 1)


class MANet(nn.Module):
    """Embedding of pixels, and heads that read it with maps of distances and labels.

    Args:
        width: Channels of the backbone's stem.
        planes: Channels of decoder and heads.
        embedding_dim: Channels of the embedding.
    """

    def __init__(self, width: int, planes: int, embedding_dim: int) -> None:
        super().__init__()
        self.feature_extracter = DeepLab(width, planes)
        # Released files name these four layers twice.
        self.seperate_conv = nn.Conv2d(planes, planes, 3, 1, 1, groups=planes)
        self.bn1 = nn.BatchNorm2d(planes)
        self.embedding_conv = nn.Conv2d(planes, embedding_dim, 1)
        self.bn2 = nn.BatchNorm2d(embedding_dim)
        self.semantic_embedding = nn.Sequential(
            self.seperate_conv,
            self.bn1,
            nn.ReLU(inplace=True),
            self.embedding_conv,
            self.bn2,
            nn.ReLU(inplace=True),
        )
        self.dynamic_seghead = SegmentationHead(embedding_dim + _PROPAGATION_MAPS, planes)
        self.inter_seghead = SegmentationHead(embedding_dim + _INTERACTION_MAPS, planes)

    adapt_state_dict = staticmethod(without_module_prefix)  # files of several GPUs

    def forward(
        self,
        images: torch.Tensor,
        reference_labels: torch.Tensor,
        previous_labels: torch.Tensor,
        num_ids: Sequence[int],
    ) -> list[torch.Tensor]:
        """Segment frames from a reference and a previous frame, as the first stage trains.

        Args:
            images: (N, 3, 3, H, W): reference, previous and current frame, normalised.
            reference_labels: int64 (N, H, W).
            previous_labels: int64 (N, H, W).
            num_ids: Ids of every sample, the background included.

        Returns:
            Logits of every current frame, (ids, H / 4, W / 4).
        """
        embeddings = self.embed(images.flatten(0, 1)).unflatten(0, (-1, 3))
        size = tuple(embeddings.shape[-2:])
        labels = (shrink_labels(own, size) for own in (reference_labels, previous_labels))
        return [self._propagate(*parts) for parts in zip(embeddings, *labels, num_ids, strict=True)]

    def _propagate(
        self,
        embeddings: torch.Tensor,
        reference_labels: torch.Tensor,
        previous_labels: torch.Tensor,
        num_ids: int,
    ) -> torch.Tensor:
        reference, previous, current = embeddings
        ids = torch.arange(num_ids, device=embeddings.device)[:, None, None]
        maps = [
            match_globally(current, reference, reference_labels, num_ids),
            match_locally(current, previous, previous_labels, num_ids),
            (previous_labels == ids).to(embeddings.dtype),
        ]
        return self.dynamic_seghead(current[None], torch.stack(maps, dim=1))[0]

    def interact(
        self,
        images: torch.Tensor,
        scribbles: torch.Tensor,
        previous_labels: torch.Tensor,
        num_ids: Sequence[int],
    ) -> list[torch.Tensor]:
        """Segment frames from scribbles, as the second stage trains.

        Args:
            images: (N, 3, H, W), normalised.
            scribbles: int64 (N, H, W), -1 where no line runs.
            previous_labels: int64 (N, H, W), what a scribble corrects; background before the first.
            num_ids: Ids of every sample, the background included.

        Returns:
            Logits of every frame, (ids, H / 4, W / 4).
        """
        with torch.no_grad():  # only the head learns
            embeddings = self.embed(images)
        size = tuple(embeddings.shape[-2:])
        found = []
        for embedding, lines, before, count in zip(
            embeddings, scribbles, previous_labels, num_ids, strict=True
        ):
            labels = shrink_labels(torch.stack([lines, before]), size)
            ids = torch.arange(count, device=labels.device)[:, None, None]
            maps = (labels[:, None] == ids).transpose(0, 1).to(embedding.dtype)
            found.append(self.inter_seghead(embedding[None], maps)[0])
        return found

    @torch.no_grad()
    def propagate(
        self,
        references: torch.Tensor,
        scribbles: torch.Tensor,
        pair: torch.Tensor,
        previous_labels: torch.Tensor,
        num_ids: int,
    ) -> torch.Tensor:
        """Segment a frame from its neighbour and all frames that have scribbles.

        Args:
            references: (frames, 3, H, W), normalised, the frames with scribbles.
            scribbles: int64 (frames, H, W), -1 where nothing is known.
            pair: (2, 3, H, W), the neighbour and the frame.
            previous_labels: int64 (H, W), labels of the neighbour.
            num_ids: Ids, the background included.

        Returns:
            int64 (H, W).
        """
        previous, current = self.embed(pair)
        size = current.shape[-2:]
        small = shrink_labels(torch.cat([scribbles, previous_labels[None]]), size)
        before = small[-1]
        ids = torch.arange(num_ids, device=small.device)[:, None, None]
        nearest = torch.stack([
            match_globally(current, reference, labels, num_ids)
            for reference, labels in zip(self.embed(references), small[:-1], strict=True)
        ]).amin(dim=0)  # fmt: skip
        maps = [
            nearest,
            match_locally(current, previous, before, num_ids),
            (before == ids).to(current.dtype),
        ]
        logits = self.dynamic_seghead(current[None], torch.stack(maps, dim=1))
        return resize(logits, previous_labels.shape)[0].argmax(dim=0)

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Embed pixels.

        Args:
            images: (N, 3, H, W), normalised by ``IMAGE_FORMAT``.

        Returns:
            (N, embedding_dim, H / 4, W / 4).
        """
        return self.semantic_embedding(self.feature_extracter(images))


def shrink_labels(labels: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Take the nearest pixels, int64 (N, H, W) -> (N, *size)."""
    return F.interpolate(labels[:, None].float(), tuple(size), mode="nearest")[:, 0].long()


def prepare_new_layers(network: MANet) -> None:
    """Draw embedding and heads by Kaiming's rule, and let their norms follow batches slowly."""
    for part in (network.semantic_embedding, network.dynamic_seghead, network.inter_seghead):
        for module in part.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
            elif isinstance(module, nn.BatchNorm2d):
                module.momentum = _NEW_MOMENTUM


@model_constructor
def manet(width: int = 64, planes: int = 256, embedding_dim: int = 100) -> MANet:
    """Build MANet; by default as released (``save_step_80000.pth``)."""
    return MANet(width, planes, embedding_dim)
