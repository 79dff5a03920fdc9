"""Training of Seq Mask R-CNN on pairs of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F

from ltr.actors.base import Actor, Stats
from ltr.models.propose_reduce.image_input import normalise_and_pad
from ltr.models.propose_reduce.losses import (
    attention_loss,
    box_losses,
    mask_loss,
    propagation_entropy,
    propagation_losses,
    proposal_losses,
)
from ltr.models.propose_reduce.targets import Instances, Sampling
from ltr.models.propose_reduce.training import (
    TrainingFrames,
    TrainingOutputs,
    split_outputs,
)


@dataclass(eq=False)
class ProposeReduceActor(Actor):
    """Losses of proposals, boxes, masks and propagation.

    Args:
        network: ``(query, guidance, links, sampling)`` -> ``TrainingOutputs``.
        sampling: How many boxes of an image are learned from.
        pairs_per_group: Losses are normalised over so many pairs, and then averaged over the
            groups of a batch: as on GPUs with so many pairs each. None makes one group.
        entropy_weight: Weight of the cross entropy of propagated masks.
        key_weight: Weight of ``attention_loss``.
    """

    sampling: Sampling = field(default_factory=Sampling)
    pairs_per_group: int | None = None
    entropy_weight: float = 0.0
    key_weight: float = 0.0

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``; the batch holds ``pairs``, one record a pair.

        Returns:
            The loss; ``Loss/total``, the five kinds of losses, and ``Stats/acc``, the percentage
            of boxes whose class is right.
        """
        pairs = batch["pairs"]
        outputs = self.network(
            stack_frames([pair["query"] for pair in pairs]),
            stack_frames([pair["guidance"] for pair in pairs]),
            [pair["links"] for pair in pairs],
            self.sampling,
        )
        groups = split_outputs(outputs, self.pairs_per_group or len(pairs))
        found = [training_losses(group, self.entropy_weight, self.key_weight) for group in groups]
        losses = {name: torch.stack([own[name] for own in found]).mean() for name in found[0]}
        total = torch.stack(list(losses.values())).sum()
        stats = {f"Loss/{name}": value for name, value in losses.items()}
        accuracy = class_accuracy(outputs)
        return total, {"Loss/total": total, **stats, "Stats/acc": accuracy}


def stack_frames(frames: Sequence[Mapping[str, torch.Tensor]]) -> TrainingFrames:
    """Join frames of different sizes to the network's input.

    Args:
        frames: ``image``, RGB 0..255 (3, H, W); ``labels`` (n,), ``boxes`` (n, 4), ``masks`` uint8
            (n, H, W).
    """
    images = [normalise_and_pad(frame["image"][None])[0] for frame in frames]
    height, width = (max(image.shape[axis] for image in images) for axis in (1, 2))
    objects = [
        Instances(frame["labels"], frame["boxes"], _pad(frame["masks"], height, width))
        for frame in frames
    ]
    sizes = [(frame["image"].shape[-2], frame["image"].shape[-1]) for frame in frames]
    stacked = torch.stack([_pad(image, height, width) for image in images])
    return TrainingFrames(stacked, sizes, objects)


def _pad(maps: torch.Tensor, height: int, width: int) -> torch.Tensor:
    return F.pad(maps, (0, width - maps.shape[-1], 0, height - maps.shape[-2]))


def training_losses(
    outputs: TrainingOutputs, entropy_weight: float = 0.0, key_weight: float = 0.0
) -> dict[str, torch.Tensor]:
    """All losses by name; their sum is what the network learns from.

    Args:
        outputs: Outputs of a group of pairs.
        entropy_weight: Weight of the cross entropy of propagated masks, which is left out at 0.
        key_weight: Weight of ``attention_loss``, which is left out at 0.
    """
    entropies, distances = proposal_losses(
        outputs.anchor_logits, outputs.anchor_deltas, outputs.anchor_targets
    )
    labels = torch.cat([target.labels for target in outputs.box_targets])
    deltas = torch.cat([target.deltas for target in outputs.box_targets])
    classes, boxes = box_losses(outputs.class_logits, outputs.box_deltas, labels, deltas)
    propagated = torch.cat(
        [
            propagation_losses(*pair)
            for pair in zip(outputs.probabilities, outputs.truths, strict=True)
        ]
    )
    losses = {
        "rpn_cls": entropies.sum(),
        "rpn_reg": distances.sum(),
        "cls": classes,
        "reg": boxes,
        "mask": mask_loss(outputs.mask_logits, labels[labels > 0], outputs.mask_targets),
        "prop": propagated.mean() if len(propagated) else propagated.sum(),
    }
    if entropy_weight:
        entropy = propagation_entropy(torch.cat(outputs.probabilities), torch.cat(outputs.truths))
        losses["entropy"] = entropy_weight * entropy
    if key_weight:
        parts = (outputs.carried, outputs.key_lengths, outputs.truths)
        losses["keys"] = key_weight * attention_loss(*map(torch.cat, parts))
    return losses


def class_accuracy(outputs: TrainingOutputs) -> torch.Tensor:
    """Percentage of the boxes, background included, whose class is right."""
    labels = torch.cat([target.labels for target in outputs.box_targets])
    return 100 * (outputs.class_logits.argmax(dim=1) == labels).float().mean()
