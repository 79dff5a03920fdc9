"""Training of embeddings on video without labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ltr.actors.base import Actor, Stats
from ltr.admin.distributed import gather_batch
from ltr.models.loss.self_training import draw_grid, self_training_losses


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
    """

    sees_whole_batch = True

    def __init__(
        self,
        network: nn.Module,
        grid_size: int = 8,
        reference_grid_size: int = 4,
        temperature: float = 0.05,
        cross_weight: float = 0.1,
        stop_gradient: bool = True,
    ) -> None:
        super().__init__(network)
        self.grid_size = grid_size
        self.reference_grid_size = reference_grid_size
        self.temperature = temperature
        self.cross_weight = cross_weight
        self.stop_gradient = stop_gradient

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


def _given_or_drawn(
    batch: Mapping[str, Any], name: str, size: tuple[int, int, int], grid: int
) -> torch.Tensor:
    if name in batch:
        return batch[name]
    clips, height, width = size
    return draw_grid(clips, grid, height, width)
