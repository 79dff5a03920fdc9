"""Training of networks that segment what a sentence names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ltr.actors.base import Actor, Stats
from ltr.models.referring.batches import Predictions, ReferringTarget, SentenceBatch
from ltr.models.referring.criterion import MASK_STRIDE, Criterion

_LOSSES = ("loss_ce", "loss_bbox", "loss_giou", "loss_mask", "loss_dice")


class ReferringActor(Actor):
    """ReferFormer's losses, with or without tracking images.

    Args:
        network: ``(clips, sentences, previous, target_frames)`` -> ``Predictions``.
        criterion: The losses.
        tokenise: Sentences to word pieces.
    """

    def __init__(
        self,
        network: nn.Module,
        criterion: Criterion,
        tokenise: Callable[[Sequence[str]], SentenceBatch],
    ) -> None:
        super().__init__(network)
        self.criterion = criterion
        self.tokenise = tokenise

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``.

        Args:
            batch: Batch built by ``ltr.data.referring.samples.collate_clips``.

        Returns:
            The loss; ``Loss/total``, the last layer's losses without their weights, and
            ``Stats/iou``, the mean overlap of the best-scored query with the object.
        """
        sentences = self.tokenise(batch["sentences"]).to(batch["clips"].frames.device)
        predictions = self.network(
            batch["clips"], sentences, batch["previous"], batch["target_frames"]
        )
        losses = self.criterion(predictions, batch["targets"])
        total = self.criterion.total(losses)
        stats = {"Loss/total": total}
        stats |= {f"Loss/{name.removeprefix('loss_')}": losses[name] for name in _LOSSES}
        return total, stats | {"Stats/iou": mean_overlap(predictions, batch["targets"])}


@torch.no_grad()
def mean_overlap(predictions: Predictions, targets: Sequence[ReferringTarget]) -> torch.Tensor:
    """Mean overlap of clips: the query of the largest mean score against the object.

    Args:
        predictions: Predictions for all clips of the batch.
        targets: One a clip; compared at the centres of the predictions' cells.
    """
    queries = predictions.logits.sigmoid().mean(dim=1).amax(dim=-1).argmax(dim=-1)
    start, overlaps = MASK_STRIDE // 2, []
    for masks, query, target in zip(predictions.masks, queries, targets, strict=True):
        truth = target.masks[:, start::MASK_STRIDE, start::MASK_STRIDE] > 0
        found = masks[:, query, : truth.shape[1], : truth.shape[2]] > 0
        either = (found | truth).sum().clamp(min=1)
        overlaps.append((found & truth).sum() / either)
    return torch.stack(overlaps).mean()
