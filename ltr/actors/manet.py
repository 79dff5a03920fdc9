"""Training of MANet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from ltr.actors.base import Actor, Stats
from ltr.data.palette import VOID

_HARD_SHARE = 0.15  # of the pixels, in the end


class ManetPropagationActor(Actor):
    """The loss of the propagated frame, over its hardest pixels (first stage).

    Args:
        network: ``(images, reference_labels, previous_labels, num_ids)`` -> logits of every sample.
        ramp_steps: After so many steps only the hardest 15 % of the pixels count; before, the share
            falls linearly from all.
    """

    def __init__(self, network: nn.Module, ramp_steps: int = 50_000) -> None:
        super().__init__(network)
        self.ramp_steps = ramp_steps

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``; the batch is one of ``TripletSamples``.

        Returns:
            The loss; ``Loss/total``, and ``Stats/acc``, the share of right pixels.
        """
        counts = [int(count) for count in batch["num_ids"]]
        found = self.network(
            batch["images"], batch["reference_labels"], batch["previous_labels"], counts
        )
        progress = min(1.0, batch["step"] / self.ramp_steps)
        share = _HARD_SHARE * progress + 1 - progress
        losses, hits = [], []
        for logits, labels in zip(found, batch["labels"], strict=True):
            full = F.interpolate(logits[None], labels.shape, mode="bilinear", align_corners=True)
            losses.append(hardest_mean(full, labels[None], share))
            known = labels != VOID
            hits.append((full[0].argmax(dim=0) == labels)[known].float().mean())
        loss = torch.stack(losses).mean()
        return loss, {"Loss/total": loss, "Stats/acc": torch.stack(hits).mean()}


def hardest_mean(logits: torch.Tensor, labels: torch.Tensor, share: float) -> torch.Tensor:
    """Mean cross entropy of the pixels with the largest one; pixels of 255 have none.

    Args:
        logits: (1, ids, H, W).
        labels: int64 (1, H, W).
        share: Share of all pixels that counts, 0..1.
    """
    losses = F.cross_entropy(logits.float(), labels, ignore_index=VOID, reduction="none").flatten()
    return losses.topk(max(1, int(share * len(losses)))).values.mean()
