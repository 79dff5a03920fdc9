"""Training of networks that segment what a sentence names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torchvision.ops import box_convert

from ltr.actors.base import Actor, Stats
from ltr.data.referring.batches import ReferringTarget, SentenceBatch
from ltr.models.referring.criterion import MASK_STRIDE, Criterion
from ltr.models.referring.outputs import Predictions, best_queries

_HIT = 0.5
_LOSSES = ("loss_ce", "loss_bbox", "loss_giou", "loss_mask", "loss_dice")


@dataclass(eq=False)
class ReferringActor(Actor):
    """ReferFormer's losses, with or without tracking images.

    Args:
        network: ``(clips, sentences, previous, target_frames)`` -> ``Predictions``.
        criterion: The losses.
        tokenise: Sentences to word pieces.
        auxiliary_losses: Whether the earlier decoder layers have losses too.
    """

    criterion: Criterion
    tokenise: Callable[[Sequence[str]], SentenceBatch]
    auxiliary_losses: bool = True

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``.

        Args:
            batch: Batch built by ``ltr.data.referring.samples.collate_clips``, or by
                ``ltr.dataset.referring.rivals.RivalSamples``.

        Returns:
            The loss; ``Loss/total``, the last layer's losses without their weights, and of the
            best-scored query ``Stats/iou``, the mean overlap with the object's mask, and the shares
            of overlaps above 0.5, ``Stats/mask_P@0.5`` and ``Stats/box_P@0.5``. All overlaps are
            of clips, the masks' at the resolution of the predictions.
        """
        sentences = self.tokenise(batch["sentences"]).to(batch["clips"].device)
        predictions = self.network(
            batch["clips"],
            sentences,
            batch["previous"],
            batch["target_frames"],
            None if self.auxiliary_losses else False,
        )
        losses = self.criterion(predictions, batch["targets"])
        total = self.criterion.total(losses)
        stats = {"Loss/total": total}
        stats |= {f"Loss/{name.removeprefix('loss_')}": losses[name] for name in _LOSSES}
        return total, stats | overlap_stats(predictions, batch["targets"])


@torch.no_grad()
def overlap_stats(predictions: Predictions, targets: Sequence[ReferringTarget]) -> Stats:
    """Overlaps of the best-scored queries; see ``ReferringActor`` for the names.

    Args:
        predictions: Predictions for all clips of the batch.
        targets: One a clip.
    """
    queries = best_queries(predictions.logits)
    masks, boxes = [], []
    for index, (query, target) in enumerate(zip(queries, targets, strict=True)):
        masks.append(_mask_overlap(predictions.masks[index, :, query], target))
        boxes.append(_box_overlap(predictions.boxes[index, :, query], target))
    mask_overlaps, box_overlaps = torch.stack(masks), torch.stack(boxes)
    return {
        "Stats/iou": mask_overlaps.mean(),
        "Stats/mask_P@0.5": (mask_overlaps > _HIT).float().mean(),
        "Stats/box_P@0.5": (box_overlaps > _HIT).float().mean(),
    }


def _mask_overlap(logits: torch.Tensor, target: ReferringTarget) -> torch.Tensor:
    """Overlap of a clip's masks, (frames, h, w), with the truth at the centres of their cells."""
    start = MASK_STRIDE // 2
    truth = target.masks[:, start::MASK_STRIDE, start::MASK_STRIDE] > 0
    found = logits[:, : truth.shape[1], : truth.shape[2]] > 0
    return (found & truth).sum() / (found | truth).sum().clamp(min=1)


def _box_overlap(boxes: torch.Tensor, target: ReferringTarget) -> torch.Tensor:
    """Mean overlap of boxes (frames, 4), centre and extent, where the object is in the frame."""
    shown = target.valid > 0
    found, truth = (box_convert(x[shown], "cxcywh", "xyxy") for x in (boxes, target.boxes))
    corners = torch.max(found[:, :2], truth[:, :2]), torch.min(found[:, 2:], truth[:, 2:])
    common = (corners[1] - corners[0]).clamp(min=0).prod(-1)
    areas = [(x[:, 2:] - x[:, :2]).prod(-1) for x in (found, truth)]
    return (common / (areas[0] + areas[1] - common).clamp(min=1e-9)).mean()
