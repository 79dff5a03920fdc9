"""How the result of a round is mixed with those of earlier rounds."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ltr.models.layers.aggregation import aggregate


def blend_weights(
    frame: int, annotated: Sequence[int], num_frames: int
) -> tuple[int, int, list[float]]:
    """Weights of a new result: linear from 1 at its frame to 0 at the next annotated ones.

    Towards a side without an annotated frame the weight stays 1.

    Args:
        frame: The frame of this round.
        annotated: Those of earlier rounds.
        num_frames: Length of the video.

    Returns:
        The last frame of either side that a result reaches (an annotated one has weight 0), and
        the weight of every frame.

    >>> blend_weights(5, [2], 6)[2]
    [0.0, 0.0, 0.0, 0.33333333333333337, 0.6666666666666667, 1.0]
    """
    before = max((other for other in annotated if other < frame), default=None)
    after = min((other for other in annotated if other > frame), default=None)

    def weight(index: int) -> float:
        end = before if index < frame else after
        if index == frame or end is None:
            return 1.0
        return max(0.0, 1 - abs(index - frame) / abs(end - frame))

    first = 0 if before is None else before
    last = num_frames - 1 if after is None else after
    return first, last, [weight(index) for index in range(num_frames)]


def merge_objects(objects: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Merge objects that were segmented one by one.

    Args:
        objects: float (objects, H, W), probability of each alone.

    Returns:
        Probabilities (1 + objects, H, W), background first, and the most probable label uint8
        (H, W); the background, then the first object, wins ties.
    """
    probs = aggregate(objects).softmax(dim=0)
    return probs, probs.argmax(dim=0).to(torch.uint8)


def forward_share(frame: int, annotated: Sequence[int]) -> float:
    """Weight of a forward pass where a backward pass has been, too; the rule of ``blend_weights``.

    It falls linearly from 1 at the annotated frame before to 0 at the next one.

    Args:
        frame: Any frame.
        annotated: The frames from which the passes begin.

    >>> [forward_share(frame, [2, 6]) for frame in (0, 2, 3, 5, 6, 9)]
    [0.0, 1.0, 0.75, 0.25, 1.0, 1.0]
    """
    before = max((other for other in annotated if other <= frame), default=None)
    after = min((other for other in annotated if other >= frame), default=None)
    if before is None or after is None:
        return 0.0 if before is None and after is not None else 1.0
    return 1.0 if before == after else (after - frame) / (after - before)
