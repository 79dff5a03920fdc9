"""Losses and scores of masks and mask encodings."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def stable_bce(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean binary cross entropy, ``max(x, 0) - x t + log(1 + exp(-|x|))``.

    Args:
        logits: Any shape, not normalised.
        targets: Same shape as ``logits``, 0..1.
    """
    return F.binary_cross_entropy_with_logits(logits, targets)


def encoding_similarity(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Mean cosine similarity of two encodings; its minimum pushes them apart (JOINT, L_diff).

    Args:
        first: (frames, sequences, C, H, W).
        second: Same shape as ``first``.

    Returns:
        A number in -1..1.
    """
    first, second = (F.normalize(x.flatten(2).float(), dim=-1, eps=1e-12) for x in (first, second))
    return (first * second).sum(-1).mean()


@torch.no_grad()
def mean_jaccard(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean over images of the Jaccard index of ``sigmoid(logits) > 0.5``, 1 where both are empty.

    Args:
        logits: (images, ..., H, W).
        targets: Same shape as ``logits``, 0 or 1.
    """
    predicted = (torch.sigmoid(logits) > 0.5).flatten(1)
    actual = (targets > 0.5).flatten(1)
    union = (predicted | actual).sum(1)
    intersection = (predicted & actual).sum(1)
    return torch.where(union > 0, intersection / union.clamp_min(1), 1.0).mean()
