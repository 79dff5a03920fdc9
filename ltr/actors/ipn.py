"""Training of IPN: a robot corrects what the networks made of the round before."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ltr.actors.base import Actor, Stats
from ltr.data.interactive.robot import draw_corrections
from ltr.data.interactive.rounds import blend_weights, scribble_maps
from ltr.data.mask_metrics.frame_pair import FramePair
from ltr.models.interactive.ipn import RoundOfClip, TrainedRound

_IS_OBJECT = 0.5
_MISSING = -1.0
_TWO_ROUNDS, _THREE_ROUNDS = 5, 7  # epochs from which there are so many, counted from 0


class IpnActor(Actor):
    """The losses of both networks on one object of a clip, round by round.

    Batch norms keep their statistics: the networks are always in eval mode.
    """

    def rounds(self, epoch: int) -> int:
        """Rounds on a clip: one at first, later three."""
        return 1 + (epoch - 1 >= _TWO_ROUNDS) + (epoch - 1 >= _THREE_ROUNDS)

    def train(self, mode: bool = True) -> None:
        """Stay in eval mode."""
        self.network.eval()

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``; the batch is one of ``ObjectClips``, and ``memory`` lasts for its rounds.

        Returns:
            The loss; ``Loss/total``, and ``Stats/iou``, of the result of the round.
        """
        memory: dict[int, TrainedRound] = batch["memory"].setdefault("clips", {})
        annotated: dict[int, list[int]] = batch["memory"].setdefault("annotated", {})
        losses, overlaps = [], []
        for place, (images, truth) in enumerate(zip(batch["images"], batch["truth"], strict=True)):
            seen = annotated.setdefault(place, [])
            clip = next_round(images, truth, memory.get(place), seen)
            found: TrainedRound = self.network(clip)
            seen.append(clip.frame)
            memory[place] = TrainedRound(*(part.detach() for part in found))
            losses.append(found.loss)
            overlaps.append(_mean_overlap(found.probabilities, truth))
        loss = torch.stack(losses).mean()
        return loss, {"Loss/total": loss, "Stats/iou": torch.stack(overlaps).mean()}


def next_round(
    images: torch.Tensor, truth: torch.Tensor, last: TrainedRound | None, annotated: list[int]
) -> RoundOfClip:
    """Choose the frame to correct, the worst one, and let the robot draw on it.

    Args:
        images: (frames, 3, H, W) RGB, 0..1.
        truth: (frames, H, W), 1 on the object.
        last: What the round before gave, or None.
        annotated: Frames of earlier rounds.
    """
    wanted = (truth > _IS_OBJECT).cpu().numpy().astype(np.uint8)
    previous = torch.full_like(truth, _MISSING) if last is None else last.probabilities
    current = (previous > _IS_OBJECT).cpu().numpy().astype(np.uint8)
    frame = random.randrange(len(truth)) if last is None else worst_frame(wanted, current)
    lines = draw_corrections(wanted[frame], current[frame], 1)
    positive, negative = scribble_maps(lines, [1], current[frame][None].astype(bool))
    first, end, weights = blend_weights(frame, annotated, len(truth))
    return RoundOfClip(
        images,
        truth,
        previous,
        positive[0].to(truth.device),
        negative[0].to(truth.device),
        frame,
        (first, end),
        weights,
        None if last is None else last.reference,
    )


def worst_frame(truth: np.ndarray, prediction: np.ndarray) -> int:
    """The first of the frames with the lowest J&F, uint8 (frames, H, W) each."""
    scores = []
    for pair in map(FramePair, truth, prediction):
        scores.append(pair.jaccard(1, 1) + pair.boundary_f(1, 1))
    return int(np.argmin(scores))


def _mean_overlap(probabilities: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    found, wanted = probabilities > _IS_OBJECT, truth > _IS_OBJECT
    common = (found & wanted).sum(dim=(1, 2))
    return (common / (found | wanted).sum(dim=(1, 2)).clamp(min=1)).mean()
