"""How the result of a round is mixed with those of earlier rounds."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ltr.models.layers.aggregation import aggregate, largest_channel


def merge_objects(objects: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Merge objects that were segmented one by one.

    Args:
        objects: float (objects, H, W), probability of each alone.

    Returns:
        Probabilities (1 + objects, H, W), background first, and the most probable label uint8
        (H, W); the background, then the first object, wins ties.
    """
    probs = aggregate(objects).softmax(dim=0)
    return probs, largest_channel(probs)


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
