"""Soft aggregation: objects that were segmented one by one share the pixels of a frame."""

from __future__ import annotations

import torch

_MIN_PROBABILITY = 1e-7


def aggregate(probabilities: torch.Tensor) -> torch.Tensor:
    """Make the objects of a frame exclude each other.

    Args:
        probabilities: (objects, H, W), each object alone.

    Returns:
        Logits (1 + objects, H, W), background first; their softmax over the first axis gives the
        probabilities of the frame.
    """
    background = (1 - probabilities).prod(dim=0, keepdim=True)
    odds = torch.cat([background, probabilities])
    odds = odds.clamp(_MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    return (odds / (1 - odds)).log()
