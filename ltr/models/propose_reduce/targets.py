"""What the heads of the detector have to learn: which boxes stand for which objects.

Values are those of the released training code; boxes are half-open, objects are numbered from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torchvision.ops import box_iou

from ltr.models.propose_reduce.boxes import BOX_STDS, RPN_STDS, encode, inclusive

IGNORED, BACKGROUND = -2, -1


class Instances(NamedTuple):
    """The objects of an image.

    Args:
        labels: int64 (n,), classes from 1 on.
        boxes: float32 (n, 4).
        masks: uint8 (n, H, W), 0 or 1, of the padded image's size.
    """

    labels: torch.Tensor
    boxes: torch.Tensor
    masks: torch.Tensor


class Sampling(NamedTuple):
    """How many boxes of an image are learned from.

    Args:
        rpn_batch_size: Anchors sampled per image for the loss of the proposals.
        rpn_positive_fraction: Largest fraction of positives among them, 0..1.
        box_batch_size: Proposals sampled per image for the losses of class and box.
        box_positive_fraction: Largest fraction of positives among them, 0..1, true boxes included.
    """

    rpn_batch_size: int = 64
    rpn_positive_fraction: float = 0.5
    box_batch_size: int = 128
    box_positive_fraction: float = 0.25


class AnchorTargets(NamedTuple):
    """Targets of the anchors that are learned from.

    Args:
        chosen: int64 (n,), their numbers.
        is_object: float32 (n,).
        deltas: float32 (n, 4); zero for background.
    """

    chosen: torch.Tensor
    is_object: torch.Tensor
    deltas: torch.Tensor


class BoxTargets(NamedTuple):
    """Boxes that are learned from, those of objects first.

    Args:
        boxes: float32 (n, 4).
        labels: int64 (n,), 0 for background.
        deltas: float32 (objects, 4).
        matched: int64 (objects,), which object each stands for.
    """

    boxes: torch.Tensor
    labels: torch.Tensor
    deltas: torch.Tensor
    matched: torch.Tensor


def match_boxes(
    boxes: torch.Tensor, truths: torch.Tensor, pos_iou: float, neg_iou: float, min_pos_iou: float
) -> torch.Tensor:
    """Find the object of every box by intersection over union.

    Args:
        boxes: (n, 4).
        truths: (objects, 4).
        pos_iou: A box with at least this IoU is matched to its best object.
        neg_iou: A box whose IoU with every object is below this is background.
        min_pos_iou: The best box of an object, or all of them in a tie, is matched to it anyway if
            its IoU is at least this.

    Returns:
        int64 (n,): number of the object, ``BACKGROUND`` or ``IGNORED``.
    """
    if len(truths) == 0 or len(boxes) == 0:
        return torch.full((len(boxes),), BACKGROUND, device=boxes.device)
    overlaps = box_iou(truths, boxes)
    best, matched = overlaps.max(dim=0)
    ignored = torch.full_like(matched, IGNORED)
    matched = torch.where(best >= pos_iou, matched, ignored)
    matched[best < neg_iou] = BACKGROUND
    highest = overlaps.max(dim=1).values
    is_best = (overlaps == highest[:, None]) & (highest[:, None] >= min_pos_iou)
    numbers = torch.arange(len(truths), device=boxes.device)[:, None]
    forced = torch.where(is_best, numbers, -1).max(dim=0).values  # the last object wins
    return torch.where(forced >= 0, forced, matched)


def anchor_targets(
    anchors: torch.Tensor, truths: torch.Tensor, size: Sequence[int], sampling: Sampling
) -> AnchorTargets:
    """Choose anchors of an image at random and give them their targets.

    Args:
        anchors: (n, 4) of all levels; those that leave the image are not learned from.
        truths: (objects, 4).
        size: Height and width of the image without padding.
        sampling: How many.
    """
    height, width = size
    limits = anchors.new_tensor([width, height])
    is_inside = (anchors[:, :2] >= 0).all(dim=1) & (anchors[:, 2:] <= limits).all(dim=1)
    inside = is_inside.nonzero()[:, 0]
    matched = match_boxes(anchors[inside], truths, pos_iou=0.7, neg_iou=0.3, min_pos_iou=0.3)
    objects = _some(matched >= 0, int(sampling.rpn_batch_size * sampling.rpn_positive_fraction))
    rest = _some(matched == BACKGROUND, sampling.rpn_batch_size - len(objects))
    places = inside[objects]
    deltas = anchors.new_zeros(len(objects) + len(rest), 4)
    deltas[: len(objects)] = encode(truths[matched[objects]], anchors[places], RPN_STDS)
    is_object = anchors.new_zeros(len(deltas))
    is_object[: len(objects)] = 1
    return AnchorTargets(torch.cat([places, inside[rest]]), is_object, deltas)


def box_targets(proposals: torch.Tensor, objects: Instances, sampling: Sampling) -> BoxTargets:
    """Choose proposals of an image at random and give them their targets.

    The true boxes are proposals too, the first ones; where there are too many positives, they are
    drawn like the others.

    Args:
        proposals: (n, 4).
        objects: Ground truth of the image.
        sampling: How many.
    """
    matched = match_boxes(proposals, objects.boxes, pos_iou=0.5, neg_iou=0.5, min_pos_iou=0.5)
    matched = torch.cat([torch.arange(len(objects.boxes), device=matched.device), matched])
    pool = torch.cat([objects.boxes, proposals])
    found = _some(matched >= 0, int(sampling.box_batch_size * sampling.box_positive_fraction))
    rest = _some(matched == BACKGROUND, sampling.box_batch_size - len(found))
    deltas = encode(objects.boxes[matched[found]], pool[found], BOX_STDS)
    labels = torch.cat([objects.labels[matched[found]], torch.zeros_like(rest)])
    return BoxTargets(pool[torch.cat([found, rest])], labels, deltas, matched[found])


def mask_targets(boxes: torch.Tensor, masks: torch.Tensor, side: int) -> torch.Tensor:
    """Cut masks to boxes and resize them in whole numbers, as the released networks were trained.

    OpenCV's fixed-point rounding decides pixels at the border of an object, so it does the work.

    Args:
        boxes: (n, 4); cut to whole pixels.
        masks: uint8 (n, H, W), 0 or 1.
        side: Side of the resulting masks, pixels.

    Returns:
        float32 (n, side, side), 0 or 1.
    """
    corners = inclusive(boxes).trunc().long().tolist()
    targets = np.zeros((len(boxes), side, side), np.float32)
    for target, mask, (x1, y1, x2, y2) in zip(targets, masks.cpu().numpy(), corners, strict=True):
        part = mask[y1 : max(y2, y1) + 1, x1 : max(x2, x1) + 1]
        target[:] = cv2.resize(part, (side, side), interpolation=cv2.INTER_LINEAR)
    return torch.from_numpy(targets).to(boxes.device)


def _some(is_wanted: torch.Tensor, limit: int) -> torch.Tensor:
    """The numbers of wanted entries, ascending; at random if there are too many."""
    numbers = is_wanted.nonzero()[:, 0]
    if len(numbers) <= limit:
        return numbers
    drawn = torch.randperm(len(numbers))[:limit].sort().values
    return numbers[drawn.to(numbers.device)]
