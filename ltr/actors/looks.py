"""Training of a backbone to see shape, colour and motion of synthetic objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F

from ltr.actors.base import Actor, Stats
from ltr.dataset.referring.looks import GROUND, PROPERTIES, Properties


@dataclass(eq=False)
class LookActor(Actor):
    """Cross entropies of what the cells of clips and of single images show.

    Args:
        network: Clips (N, frames, 3, H, W) -> (N * frames, 1 + all values, h, w): whether it is an
            object, and the values of each property.
        weights: Weight of each property.
        properties: What is known of a cell.
    """

    weights: Mapping[str, float]
    properties: Properties = field(default_factory=lambda: PROPERTIES)

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``; the batch holds samples of ``LookSamples``.

        Returns:
            The loss; ``Loss/total``, and of each property the percentage of right cells of
            objects: ``Stats/motion`` of clips, the others of single images.
        """
        clips, images = batch["clip"], batch["images"]
        total, stats = self._losses(self.network(clips), batch["clip_looks"], self.properties)
        seen = [name for name in self.properties if name != "motion"]  # nothing moves in an image
        outputs = self.network(images.flatten(0, 1)[:, None])
        of_images, image_stats = self._losses(outputs, batch["image_looks"], seen)
        total = total + of_images
        return total, {"Loss/total": total, **stats, **image_stats}

    def _losses(
        self, outputs: torch.Tensor, looks: torch.Tensor, names: Sequence[str] | Mapping[str, Any]
    ) -> tuple[torch.Tensor, Stats]:
        """The sum of the losses, and the percentages of right cells."""
        is_object, *parts = outputs.float().split(
            [1, *(len(values) for values in self.properties.values())], dim=1
        )
        wanted = dict(zip(self.properties, looks.flatten(0, 1).unbind(1), strict=True))
        shown = (looks != GROUND).any(dim=2).flatten(0, 1)
        total = F.binary_cross_entropy_with_logits(is_object[:, 0], shown.float())
        stats: Stats = {}
        for name, logits in zip(self.properties, parts, strict=True):
            known = wanted[name] != GROUND
            if name in names and known.any():
                entropy = F.cross_entropy(logits, wanted[name], ignore_index=GROUND)
                total = total + self.weights[name] * entropy
                right = (logits.argmax(1) == wanted[name])[known].float().mean()
                stats[f"Stats/{name}"] = 100 * right
        return total, stats
