"""Training of MANet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F

from ltr.actors.base import Actor, Stats
from ltr.data.interactive.robot import RobotParameters, draw_corrections
from ltr.data.interactive.scribbles import NOTHING, draw_scribbles
from ltr.data.palette import VOID
from ltr.data.randomness import Generators
from ltr.dataset.interactive.damage import damage_labels
from ltr.models.interactive.manet import MANet

_HARD_SHARE = 0.15  # of the pixels, in the end
_ROBOT = RobotParameters(kernel_size=0.15)
_SAMPLE = (
    *("labels", "first_lines", "rows", "columns", "start", "lines", "pairs", "pair_before"),
    *("pair_labels", "round", "num_ids"),
)


@dataclass(eq=False)
class ManetPropagationActor(Actor):
    """The loss of the propagated frame, over its hardest pixels (first stage).

    Args:
        network: ``(images, reference_labels, previous_labels, num_ids)`` -> logits of every sample.
        ramp_steps: After so many steps only the hardest 15 % of the pixels count; before, the share
            falls linearly from all.
    """

    ramp_steps: int = 50_000

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``; the batch is one of ``TripletSamples``.

        Returns:
            The loss; ``Loss/total``, and ``Stats/acc``, the share of right pixels.
        """
        counts = [int(count) for count in batch["num_ids"]]
        found = self.network(
            batch["images"], batch["reference_labels"], batch["previous_labels"], counts
        )
        return _hard_loss(found, batch["labels"], batch["step"], self.ramp_steps)


@dataclass(eq=False)
class ManetInteractionActor(Actor):
    """The loss of the frame with scribbles (second stage); only the interaction head learns.

    Scribbles after the first round are those of a robot, on a frame that the network itself has
    segmented from the rounds before.

    Args:
        network: See ``MANet.interact`` and ``MANet.propagate``.
        ramp_steps: See ``ManetPropagationActor``.
        box_margin: In the first round, what lies farther from all lines is background when the
            result is propagated, pixels of the embedding.
    """

    forward_methods = ("interact", "propagate")

    ramp_steps: int = 50_000
    box_margin: int = 15

    def train(self, mode: bool = True) -> None:
        """Set the head to training; everything else is in evaluation."""
        self.network.eval()
        self._manet.inter_seghead.train(mode)

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``; the batch is one of ``CorrectionSamples``.

        Returns:
            As ``ManetPropagationActor``.
        """
        count = len(batch["image"])
        samples = [{name: batch[name][i] for name in _SAMPLE} for i in range(count)]
        for i, sample in enumerate(samples):
            sample["size"] = tuple(int(side[i]) for side in batch["size"])
        parts = [self._prompt(sample) for sample in samples]
        lines, previous = (torch.stack(part) for part in zip(*parts, strict=True))
        counts = [int(number) for number in batch["num_ids"]]
        found = self._manet.interact(batch["image"], lines, previous, counts)
        return _hard_loss(found, batch["labels"], batch["step"], self.ramp_steps)

    @property
    def _manet(self) -> MANet:
        return cast("MANet", self.network)  # or what the trainer wraps it in

    def _prompt(self, sample: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Scribbles and earlier labels of a sample's image, int64 (side, side) each."""
        number, count = int(sample["round"]), int(sample["num_ids"])
        if not number:
            return sample["first_lines"], torch.zeros_like(sample["labels"])
        references, known = [sample["start"]], [fill_far(sample["lines"], 4 * self.box_margin)]
        for pair, before, truth in zip(
            sample["pairs"][:number],
            sample["pair_before"],
            sample["pair_labels"],
            strict=False,
        ):
            found = self._manet.propagate(
                torch.stack(references), torch.stack(known), pair, before, count
            )
            random = Generators.seeded(int(torch.randint(2**31, ())))
            damaged = damage_labels(found.cpu().numpy().astype(np.uint8), random)
            drawn = draw_corrections(
                truth.cpu().numpy().astype(np.uint8), damaged, count - 1, _ROBOT
            )
            references.append(pair[1])
            known.append(_as_labels(draw_scribbles(drawn, damaged.shape), truth))
        lines = _as_labels(draw_scribbles(drawn, sample["size"]), truth)
        full = F.interpolate(_as_labels(damaged, truth)[None, None].float(), sample["size"])
        rows, columns = sample["rows"], sample["columns"]
        previous = full[0, 0].long()
        return lines[rows][:, columns], previous[rows][:, columns]


def fill_far(lines: torch.Tensor, margin: int) -> torch.Tensor:
    """Call background what lies outside the box of all lines and a margin.

    Args:
        lines: int64 (H, W), -1 where no line runs.
        margin: Pixels.
    """
    filled = torch.zeros_like(lines)
    rows, columns = torch.nonzero(lines != NOTHING, as_tuple=True)
    if len(rows):
        box = tuple(
            slice(max(int(p.min()) - margin, 0), min(int(p.max()) + margin, length - 1))
            for p, length in zip((rows, columns), lines.shape, strict=True)
        )
        filled[box] = lines[box]
    return filled


def _as_labels(labels: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(labels.astype(np.int64)).to(like.device)


def _hard_loss(
    found: Sequence[torch.Tensor], labels: torch.Tensor, step: int, ramp_steps: int
) -> tuple[torch.Tensor, Stats]:
    """The loss over the hardest pixels, and the share of right pixels."""
    progress = min(1.0, step / ramp_steps)
    share = _HARD_SHARE * progress + 1 - progress
    losses, hits = [], []
    for logits, own in zip(found, labels, strict=True):
        full = F.interpolate(logits[None], own.shape, mode="bilinear", align_corners=True)
        losses.append(hardest_mean(full, own[None], share))
        known = own != VOID
        hits.append((full[0].argmax(dim=0) == own)[known].float().mean())
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
