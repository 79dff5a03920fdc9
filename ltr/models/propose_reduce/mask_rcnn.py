"""Mask R-CNN of torchvision's parts, with a propagation head on the same backbone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn
from torchvision.models import get_model
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead

from ltr.models.backbone.resnet import resnet18
from ltr.models.propose_reduce.boxes import level_anchors
from ltr.models.propose_reduce.detection import (
    DETECTIONS,
    PROPOSALS,
    Detections,
    DetectionSettings,
    ProposalSettings,
    ScoredBoxes,
    choose_detections,
    choose_proposals,
    level_candidates,
)
from ltr.models.propose_reduce.propagation import FrameQuery, PropagationHead
from ltr.models.propose_reduce.roi import align_boxes

_BOX_CELLS, _MASK_CELLS = 7, 14
_RATIOS = 3
_FROZEN = ("conv1", "bn1", "layer1")
_RETURNED = {f"layer{level}": str(level - 1) for level in range(1, 5)}


class Features(NamedTuple):
    """What the backbone makes of images.

    Args:
        c2: Second level of the backbone, (N, C2, H / 4, W / 4).
        c3: Third level of the backbone, (N, C3, H / 8, W / 8).
        pyramid: P2..P6, (N, width, H / s, W / s) with s = 4, 8, 16, 32, 64.
    """

    c2: torch.Tensor
    c3: torch.Tensor
    pyramid: tuple[torch.Tensor, ...]


class RegionProposals(nn.Module):
    """The region proposal network."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head = RPNHead(width, _RATIOS)

    def forward(
        self, pyramid: Sequence[torch.Tensor]
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """P2..P6 -> logits (N, 3, h, w) and deltas (N, 12, h, w) of every level."""
        return self.head(list(pyramid))


class RoiHeads(nn.Module):
    """The heads that look at boxes."""

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        hidden = 4 * width
        self.box_head = TwoMLPHead(width * _BOX_CELLS**2, hidden)
        self.box_predictor = FastRCNNPredictor(hidden, num_classes)
        self.mask_head = MaskRCNNHeads(width, (width,) * 4, 1)
        self.mask_predictor = MaskRCNNPredictor(width, width, num_classes)


class MaskRCNN(nn.Module):
    """Mask R-CNN whose backbone also serves the propagation of masks.

    Input images are RGB, normalised as ``IMAGENET_RGB``, padded with zeros on the right and below
    to multiples of 32. The parameters without ``prop_head`` have torchvision's names.

    Args:
        num_classes: With the background, which is class 0.
        backbone: A ResNet of torchvision.
        width: Channels of the pyramid; the heads follow it.
        backbone_width: Channels of the stem of ``resnet18``.
        from_scratch: Whether every layer is trained, batch norms with the statistics of the batch;
            else they use their stored statistics, and the stem and the first stage stay as they
            are.
    """

    def __init__(
        self,
        num_classes: int,
        backbone: str = "resnet50",
        width: int = 256,
        backbone_width: int = 64,
        from_scratch: bool = False,
    ) -> None:
        super().__init__()
        body, deepest = _make_body(backbone, backbone_width)
        channels = [deepest // 8, deepest // 4, deepest // 2, deepest]
        self.backbone = BackboneWithFPN(body, _RETURNED, channels, width)
        self.rpn = RegionProposals(width)
        self.roi_heads = RoiHeads(width, num_classes)
        self.prop_head = PropagationHead(width, (channels[0], channels[1]))
        for name in () if from_scratch else _FROZEN:
            self.backbone.body[name].requires_grad_(False)
        self.num_classes = num_classes
        self.from_scratch = from_scratch
        self.train()

    def train(self, mode: bool = True) -> MaskRCNN:
        """Set the training mode; see ``from_scratch`` for the batch norms."""
        super().train(mode)
        for module in self.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.train(mode and self.from_scratch)
        return self

    def features(self, images: torch.Tensor) -> Features:
        """Compute the features of images (N, 3, H, W), normalised, sides multiples of 32."""
        levels = self.backbone.body(images)
        pyramid = tuple(self.backbone.fpn(levels).values())
        return Features(levels["0"], levels["1"], pyramid)

    def propose(
        self,
        outputs: tuple[Sequence[torch.Tensor], Sequence[torch.Tensor]],
        size: Sequence[int],
        settings: ProposalSettings = PROPOSALS,
    ) -> list[ScoredBoxes]:
        """Choose the region proposals of every image; nothing is differentiated through them.

        Args:
            outputs: Logits and deltas of ``rpn``.
            size: Height and width of the images without padding.
            settings: Thresholds.
        """
        logits, deltas = ([level.detach().float() for level in part] for part in outputs)
        anchors = level_anchors(logits)
        return [
            choose_proposals(
                [
                    level_candidates(own[image], moves[image], boxes, size, settings.max_candidates)
                    for own, moves, boxes in zip(logits, deltas, anchors, strict=True)
                ],
                settings,
            )
            for image in range(len(logits[0]))
        ]

    def classify(
        self, pyramid: Sequence[torch.Tensor], boxes: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Look at boxes.

        Args:
            pyramid: P2..P5 (and P6).
            boxes: Boxes of each image, float32 (n, 4).

        Returns:
            Class logits (sum n, classes) and deltas (sum n, 4 * classes).
        """
        return self.classify_features(self.box_features(pyramid, boxes))

    def box_features(
        self, pyramid: Sequence[torch.Tensor], boxes: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """What ``classify`` looks at, (sum n, width, 7, 7)."""
        return align_boxes(pyramid, boxes, _BOX_CELLS)

    def classify_features(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The results of ``classify``, from ``box_features``."""
        heads = self.roi_heads
        return heads.box_predictor(heads.box_head(features))

    def mask_logits(
        self, pyramid: Sequence[torch.Tensor], boxes: Sequence[torch.Tensor]
    ) -> torch.Tensor:
        """Masks of boxes for every class, (sum n, classes, 28, 28); see ``classify``."""
        heads = self.roi_heads
        return heads.mask_predictor(heads.mask_head(align_boxes(pyramid, boxes, _MASK_CELLS)))

    def detect(
        self,
        pyramid: Sequence[torch.Tensor],
        size: Sequence[int],
        settings: DetectionSettings = DETECTIONS,
    ) -> list[tuple[Detections, torch.Tensor]]:
        """Detect the instances of images.

        Args:
            pyramid: P2..P6.
            size: Height and width of the images without padding.
            settings: Thresholds.

        Returns:
            Of every image the detections, and the probabilities of their masks (n, 28, 28).
        """
        proposals = [found.boxes for found in self.propose(self.rpn(pyramid), size)]
        counts = [len(boxes) for boxes in proposals]
        logits, deltas = (part.split(counts) for part in self.classify(pyramid, proposals))
        found = [
            choose_detections(*parts, size, settings)
            for parts in zip(logits, deltas, proposals, strict=True)
        ]
        masks = self.mask_logits(pyramid, [own.boxes for own in found]).float()
        classes = torch.cat([own.classes for own in found])
        chosen = masks[torch.arange(len(masks), device=masks.device), classes].sigmoid()
        return list(zip(found, chosen.split([len(own.scores) for own in found]), strict=True))

    def query(self, features: Features) -> FrameQuery:
        """Encode frames to be segmented; see ``PropagationHead.query``."""
        return self.prop_head.query(features.pyramid[0], features.c2, features.c3)


def _make_body(backbone: str, width: int) -> tuple[nn.Module, int]:
    """A ResNet and the number of channels of its last stage."""
    if backbone == "resnet18":
        thin = resnet18(width)
        return thin, thin.channels["layer4"]
    body = get_model(backbone, weights=None, norm_layer=nn.BatchNorm2d)
    head = body.get_submodule("fc")
    assert isinstance(head, nn.Linear)  # as in every ResNet of torchvision
    return body, head.in_features
