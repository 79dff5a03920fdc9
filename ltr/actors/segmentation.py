"""Training of networks that segment test frames given an annotated train frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ltr.actors.base import Actor, Stats
from ltr.admin.distributed import gather_batch
from ltr.models.loss.lovasz import lovasz_sigmoid
from ltr.models.loss.segmentation import encoding_similarity, mean_jaccard, stable_bce


@dataclass(eq=False)
class SegActor(Actor):
    """JOINT's losses: masks (Lovasz) and the similarity of the two branches' encodings.

    The Lovasz loss treats all pixels of the batch as one image, so the parts of all processes are
    gathered first.

    Args:
        network: ``(train_imgs, test_imgs, train_masks, test_masks, num_refinement_iter)`` ->
            logits and both encodings.
        mask_weight: Weight of the mask loss.
        difference_weight: Weight of the similarity of the encodings.
        num_refinement_iter: Filter iterations after each test frame.
        freeze_batch_norm: Keep the whole network in evaluation mode.
        entropy_weight: Weight of the masks' cross entropy, which gives a network that starts from
            random weights a direction where the Lovasz loss is flat.
    """

    sees_whole_batch = True

    mask_weight: float = 100.0
    difference_weight: float = 1.0
    num_refinement_iter: int = 2
    freeze_batch_norm: bool = True
    entropy_weight: float = 0.0

    def train(self, mode: bool = True) -> None:
        """Set the network to training, unless its batch norms are fixed, or to evaluation."""
        super().train(mode and not self.freeze_batch_norm)

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``; the batch holds time first, sequences second.

        Returns:
            The loss; ``Loss/total``, ``Loss/segm``, ``Loss/diff``, and ``Stats/acc``, the mean
            Jaccard index of the masks.
        """
        logits, encoding_tm, encoding_tr = self.network(
            train_imgs=batch["train_images"],
            test_imgs=batch["test_images"],
            train_masks=batch["train_masks"],
            test_masks=batch["test_masks"],
            num_refinement_iter=self.num_refinement_iter,
        )
        logits, masks, encoding_tm, encoding_tr = gather_batch(
            logits, batch["test_masks"], encoding_tm, encoding_tr, dim=1
        )
        size = (-1, 1, *masks.shape[-2:])
        logits, masks = logits.reshape(size), masks.reshape(size)
        mask_loss = self.mask_weight * lovasz_sigmoid(logits, masks)
        difference = self.difference_weight * encoding_similarity(encoding_tm, encoding_tr)
        total = mask_loss + difference
        if self.entropy_weight > 0:
            total = total + self.entropy_weight * stable_bce(logits, masks)
        return total, {
            "Loss/total": total,
            "Loss/segm": mask_loss,
            "Loss/diff": difference,
            "Stats/acc": mean_jaccard(logits, masks),
        }
