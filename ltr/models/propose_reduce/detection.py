"""From the outputs of the heads to proposals and detections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torchvision.ops import nms

from ltr.models.propose_reduce.boxes import BOX_STDS, RPN_STDS, clip, decode


@dataclass(frozen=True)
class ProposalSettings:
    """How region proposals are chosen, in training too.

    Args:
        max_candidates: Largest number of boxes of a level, before and after the suppression, and
            of all levels together.
        nms_iou: IoU above which the lower score is suppressed.
    """

    max_candidates: int = 200
    nms_iou: float = 0.7


@dataclass(frozen=True)
class DetectionSettings:
    """How detections are chosen.

    Args:
        score_threshold: Detections below this score are dropped, 0..1.
        nms_iou: IoU above which the lower score of a class is suppressed.
        max_detections: Largest number of detections per image.
    """

    score_threshold: float = 0.2
    nms_iou: float = 0.5
    max_detections: int = 10


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
    max_candidates: int,
) -> ScoredBoxes:
    """The best boxes of one level and image, before the suppression.

    Args:
        logits: (3, h, w).
        deltas: (12, h, w).
        anchors: (h * w * 3, 4).
        size: Height and width of the image without padding.
        max_candidates: Number of boxes to keep, by descending score; fewer stay in the order of the
            anchors.
    """
    scores = logits.permute(1, 2, 0).reshape(-1).sigmoid()
    deltas = deltas.permute(1, 2, 0).reshape(-1, 4)
    if len(scores) > max_candidates:
        scores, best = scores.topk(max_candidates)
        deltas, anchors = deltas[best], anchors[best]
    return ScoredBoxes(clip(decode(deltas, anchors, RPN_STDS), size), scores)


def choose_proposals(
    candidates: Sequence[ScoredBoxes], settings: ProposalSettings = PROPOSALS
) -> ScoredBoxes:
    """Suppress overlapping boxes level by level, and keep the best of all levels."""
    kept = []
    for boxes, scores in candidates:
        keep = nms(boxes, scores, settings.nms_iou)[: settings.max_candidates]
        kept.append(ScoredBoxes(boxes[keep], scores[keep]))
    boxes = torch.cat([level.boxes for level in kept])
    scores, best = torch.cat([level.scores for level in kept]).sort(descending=True, stable=True)
    best = best[: settings.max_candidates]
    return ScoredBoxes(boxes[best], scores[: settings.max_candidates])


def choose_detections(
    logits: torch.Tensor,
    deltas: torch.Tensor,
    proposals: torch.Tensor,
    size: Sequence[int],
    settings: DetectionSettings = DETECTIONS,
) -> Detections:
    """Classify the boxes of one image.

    Up to ``settings.max_detections`` detections are ordered by class, then score; overlapping masks
    are later removed in this order. More are sorted by score and cut.

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
    labels, places = (scores.T[1:] > settings.score_threshold).nonzero(as_tuple=True)
    labels = labels + 1
    sure = Detections(boxes[places, labels], scores[places, labels], labels)
    merged = _suppress(sure, settings.nms_iou)
    if len(merged.scores) <= settings.max_detections:
        return merged
    best = merged.scores.sort(descending=True, stable=True).indices[: settings.max_detections]
    return Detections(*(part[best] for part in merged))


def _suppress(found: Detections, nms_iou: float) -> Detections:
    """Suppress overlapping boxes class by class; they come by ascending class."""
    counts = np.bincount(found.classes.cpu().numpy())
    kept, start = [], 0
    for count in counts[counts > 0].tolist():
        part = slice(start, start + count)
        kept.append(start + nms(found.boxes[part], found.scores[part], nms_iou))
        start += count
    if not kept:
        return found
    places = torch.cat(kept)
    return Detections(*(values[places] for values in found))
