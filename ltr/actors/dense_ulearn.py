"""Training of embeddings on video without labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch

from ltr.actors.base import Actor, Stats
from ltr.actors.label_propagation import AnnotatedVideo, propagation_score
from ltr.admin.distributed import gather_batch
from ltr.data.epochs import is_due
from ltr.models.dense_ulearn.dense_ulearn_net import DenseULearnNet
from ltr.models.loss.self_training import draw_grid, self_training_losses

SCORED_FEATURES = ("key", "res4")


@dataclass(eq=False)
class DenseULearnActor(Actor):
    """Space-time self-training and cross-view consistency (arXiv 2111.06265).

    Positions of other clips are negatives, so the parts of all processes are gathered first.

    Args:
        network: ``(main, reg, stop_gradient)`` -> keys of both views.
        grid_size: Anchors along each axis of the feature map.
        reference_grid_size: Positions along each axis that the consistency compares.
        temperature: Divides the cosines.
        cross_weight: Weight of the consistency.
        stop_gradient: Whether the regularising view gives targets only.
        scored_videos: Annotated videos through which labels are propagated to score the network.
        score_interval: Score in every so many epochs.
        score_offset: See ``is_due``.
    """

    sees_whole_batch = True
    forward_methods = ("embed",)

    grid_size: int = 8
    reference_grid_size: int = 4
    temperature: float = 0.05
    cross_weight: float = 0.1
    stop_gradient: bool = True
    scored_videos: Sequence[AnnotatedVideo] = ()
    score_interval: int = 1
    score_offset: int = 0

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``; the batch holds clips first, frames second.

        Args:
            batch: ``main`` and ``reg``, (clips, frames, 3, H, W), and ``theta``, (clips, frames,
                2, 3). ``anchors`` and ``reference_anchors`` fix the positions that else are drawn.

        Returns:
            The loss; ``Loss/main``, ``Loss/temp`` and ``Loss/cross_key``.
        """
        main, reg = self.network(batch["main"], batch["reg"], self.stop_gradient)
        size = (len(main), *main.shape[-2:])
        anchors = _given_or_drawn(batch, "anchors", size, self.grid_size)
        references = _given_or_drawn(batch, "reference_anchors", size, self.reference_grid_size)
        keys, reg_keys, theta, anchors, references = gather_batch(
            main.float(),
            reg.float(),
            batch["theta"],
            anchors.to(main.device),
            references.to(main.device),
            dim=0,
        )
        losses = self_training_losses(
            keys, reg_keys, theta, anchors, references, self.temperature, self.cross_weight
        )
        return losses.main, {f"Loss/{name}": value for name, value in losses._asdict().items()}

    def score(self, epoch: int) -> dict[str, float]:
        """J&F of propagated labels with both kinds of features, see ``propagation_score``."""
        is_scored = is_due(epoch, self.score_interval, self.score_offset)
        if not self.scored_videos or not is_scored:
            return {}
        network = cast("DenseULearnNet", self.network)  # or what the trainer wraps it in
        device = next(network.parameters()).device
        found = propagation_score(network.embed, self.scored_videos, SCORED_FEATURES, device)
        return {f"J&F/{key}": value for key, value in found.items()}


def _given_or_drawn(
    batch: Mapping[str, Any], name: str, size: tuple[int, int, int], grid: int
) -> torch.Tensor:
    if name in batch:
        return batch[name]
    clips, height, width = size
    return draw_grid(clips, grid, height, width)
