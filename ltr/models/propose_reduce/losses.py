"""The losses of Seq Mask R-CNN; all have the weight one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ltr.models.propose_reduce.targets import AnchorTargets

_RPN_BETA = 1 / 9
_SMALL_AREA = 1e-6
_SMALL_PROBABILITY = 1e-4
_LONGEST_KEY = 30.0


def proposal_losses(
    logits: Sequence[torch.Tensor],
    deltas: Sequence[torch.Tensor],
    targets: Sequence[AnchorTargets],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses of the region proposals.

    Args:
        logits: Objectness logits of every level, (N, anchors).
        deltas: Box regression of every level, (N, anchors, 4).
        targets: Targets of every image, over the anchors of all levels.

    Returns:
        Cross entropy and smooth L1 of every level, (levels,) each; both are divided by the sums of
        positive and of negative anchors, of which every image counts at least one.
    """
    counts = torch.tensor([level.shape[1] for level in logits])
    ends = counts.cumsum(0).to(logits[0].device)
    positives = [int(target.is_object.sum()) for target in targets]
    negatives = [
        len(target.chosen) - count for target, count in zip(targets, positives, strict=True)
    ]
    total = sum(max(count, 1) for count in (*positives, *negatives))
    all_logits, all_deltas = torch.cat(list(logits), dim=1), torch.cat(list(deltas), dim=1)
    entropies, distances = all_logits.new_zeros(len(ends)), all_logits.new_zeros(len(ends))
    for image, target in enumerate(targets):
        levels = torch.bucketize(target.chosen, ends, right=True)
        entropy = F.binary_cross_entropy_with_logits(
            all_logits[image, target.chosen], target.is_object, reduction="none"
        )
        distance = F.smooth_l1_loss(
            all_deltas[image, target.chosen], target.deltas, reduction="none", beta=_RPN_BETA
        )
        entropies = entropies.index_add(0, levels, entropy)
        distances = distances.index_add(0, levels, distance.sum(dim=1) * target.is_object)
    return entropies / total, distances / total


def box_losses(
    logits: torch.Tensor, deltas: torch.Tensor, labels: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses of classes and boxes.

    Args:
        logits: (n, classes).
        deltas: (n, 4 * classes).
        labels: int64 (n,), 0 for background.
        targets: (objects, 4), of the boxes whose label is not 0, in their order.

    Returns:
        Cross entropy, and smooth L1 of the deltas of the true class; both divided by n.
    """
    objects = labels.nonzero()[:, 0]
    predicted = deltas.view(len(deltas), -1, 4)[objects, labels[objects]]
    distance = F.smooth_l1_loss(predicted, targets, reduction="sum", beta=1.0)
    return F.cross_entropy(logits, labels), distance / max(len(labels), 1)


def mask_loss(logits: torch.Tensor, labels: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy of the mask of the true class.

    Args:
        logits: (n, classes, side, side).
        labels: int64 (n,), from 1 on.
        targets: (n, side, side), 0 or 1.
    """
    if len(labels) == 0:
        return logits.sum() * 0
    predicted = logits[torch.arange(len(labels), device=labels.device), labels]
    return F.binary_cross_entropy_with_logits(predicted, targets)


def propagation_losses(probabilities: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """One minus the soft intersection over union of every object, whatever its size.

    Args:
        probabilities: (objects, H, W).
        masks: (objects, H, W), 0 or 1.

    Returns:
        (objects,).
    """
    masks = masks.to(probabilities.dtype)
    common = torch.minimum(probabilities, masks).sum(dim=(1, 2))
    either = torch.maximum(probabilities, masks).sum(dim=(1, 2))
    return 1 - common / (either + _SMALL_AREA)


def propagation_entropy(probabilities: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Cross entropy of propagated masks, which also teaches where their overlap is flat.

    Object and background weigh the same, whatever the object's size.

    Args:
        probabilities: (objects, H, W).
        masks: (objects, H, W), 0 or 1.
    """
    if len(masks) == 0:
        return probabilities.sum()
    shown = masks.to(probabilities.dtype)
    p = probabilities.clamp(_SMALL_PROBABILITY, 1 - _SMALL_PROBABILITY)
    inside = -(p.log() * shown).sum(dim=(1, 2)) / shown.sum(dim=(1, 2)).clamp(min=1)
    outside = -((1 - p).log() * (1 - shown)).sum(dim=(1, 2))
    return (inside + outside / (1 - shown).sum(dim=(1, 2)).clamp(min=1)).mean() / 2


def attention_loss(
    carried: torch.Tensor, lengths: torch.Tensor, masks: torch.Tensor
) -> torch.Tensor:
    """Teaches the attention of the propagation itself, which the losses of its masks hardly reach.

    Keys longer than ``_LONGEST_KEY`` (squared) cost as well: they make the attention certain of
    single positions, where nothing changes it any more.

    Args:
        carried: Masks that the attention carried from the other frame, (objects, h, w), 0..1.
        lengths: Mean squared length of the keys, (objects,).
        masks: What it should have carried, (objects, H, W), 0 or 1.
    """
    if len(masks) == 0:
        return lengths.sum()
    small = F.adaptive_avg_pool2d(masks.to(carried.dtype), (carried.shape[-2], carried.shape[-1]))
    too_long = F.relu(lengths - _LONGEST_KEY).mean() / _LONGEST_KEY
    return propagation_entropy(carried, small) + too_long
