"""From the outputs of the heads to proposals and detections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torchvision.ops import nms

from ltr.models.propose_reduce.boxes import BOX_STDS, RPN_STDS, clip, decode


@dataclass(frozen=True)
class ProposalSettings:
    """How region proposals are chosen, in training too.

    Args:
        most_candidates: Of a level, before and after the suppression, and of all levels.
        largest_overlap: IoU above which the lower score is suppressed.
    """

    most_candidates: int = 200
    largest_overlap: float = 0.7


@dataclass(frozen=True)
class DetectionSettings:
    """How detections are chosen.

    Args:
        least_score: Below it nothing counts.
        largest_overlap: IoU above which the lower score of a class is suppressed.
        most: Per image.
    """

    least_score: float = 0.2
    largest_overlap: float = 0.5
    most: int = 10


PROPOSALS = ProposalSettings()
DETECTIONS = DetectionSettings()


class ScoredBoxes(NamedTuple):
    """Boxes (n, 4) and scores (n,)."""

    boxes: torch.Tensor
    scores: torch.Tensor


class Detections(NamedTuple):
    """Boxes (n, 4), scores (n,) and classes (n,) from 1 on."""

    boxes: torch.Tensor
    scores: torch.Tensor
    classes: torch.Tensor


def level_candidates(
    logits: torch.Tensor,
    deltas: torch.Tensor,
    anchors: torch.Tensor,
    size: Sequence[int],
    most: int,
) -> ScoredBoxes:
    """The best boxes of one level and image, before the suppression.

    Args:
        logits: (3, h, w).
        deltas: (12, h, w).
        anchors: (h * w * 3, 4).
        size: Height and width of the image without padding.
        most: How many are kept, by descending score; fewer stay in the order of the anchors.
    """
    scores = logits.permute(1, 2, 0).reshape(-1).sigmoid()
    deltas = deltas.permute(1, 2, 0).reshape(-1, 4)
    if len(scores) > most:
        scores, best = scores.topk(most)
        deltas, anchors = deltas[best], anchors[best]
    return ScoredBoxes(clip(decode(deltas, anchors, RPN_STDS), size), scores)


def choose_proposals(
    candidates: Sequence[ScoredBoxes], settings: ProposalSettings = PROPOSALS
) -> ScoredBoxes:
    """Suppress overlapping boxes level by level, and keep the best of all levels."""
    kept = []
    for boxes, scores in candidates:
        keep = nms(boxes, scores, settings.largest_overlap)[: settings.most_candidates]
        kept.append(ScoredBoxes(boxes[keep], scores[keep]))
    boxes = torch.cat([level.boxes for level in kept])
    scores, best = torch.cat([level.scores for level in kept]).sort(descending=True, stable=True)
    best = best[: settings.most_candidates]
    return ScoredBoxes(boxes[best], scores[: settings.most_candidates])


def choose_detections(
    logits: torch.Tensor,
    deltas: torch.Tensor,
    proposals: torch.Tensor,
    size: Sequence[int],
    settings: DetectionSettings = DETECTIONS,
) -> Detections:
    """Classify the boxes of one image.

    Up to ``settings.most`` detections are ordered by class, then score; the order matters, since
    the masks are later suppressed in it. More are sorted by score and cut.

    Args:
        logits: (n, classes) with the background first.
        deltas: (n, 4 * classes).
        proposals: (n, 4).
        size: Height and width of the image without padding.
        settings: Thresholds.
    """
    scores = logits.float().softmax(dim=1)
    boxes = decode(deltas.float().view(len(deltas), -1, 4), proposals[:, None], BOX_STDS)
    boxes = clip(boxes, size)
    found = []
    for label in range(1, scores.shape[1]):
        sure = (scores[:, label] > settings.least_score).nonzero()[:, 0]
        own_boxes, own_scores = boxes[sure, label], scores[sure, label]
        keep = nms(own_boxes, own_scores, settings.largest_overlap)
        labels = torch.full_like(keep, label)
        found.append(Detections(own_boxes[keep], own_scores[keep], labels))
    merged = Detections(*(torch.cat(parts) for parts in zip(*found, strict=True)))
    if len(merged.scores) <= settings.most:
        return merged
    best = merged.scores.sort(descending=True, stable=True).indices[: settings.most]
    return Detections(*(part[best] for part in merged))
