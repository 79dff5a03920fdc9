"""Attention by tiles, with scores small enough for plain exponentials.

Scores are cosines times 30, so ``exp(score - 30)`` never exceeds 1 and needs no running maximum:
numerators and denominators of different tiles can simply be added and subtracted.
"""

from __future__ import annotations

import torch

from ltr.models.joint.transformer import INVERSE_TEMPERATURE


def affinity(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Unnormalised attention weights of unit vectors.

    Args:
        queries: (n, channels).
        keys: (m, channels).

    Returns:
        (n, m), ``exp(30 * (cosine - 1))``.
    """
    offset = queries.new_full((1, 1), -INVERSE_TEMPERATURE)
    return torch.addmm(offset, queries, keys.t(), alpha=INVERSE_TEMPERATURE).exp_()


class RunningAttention:
    """Numerators and denominators of an attention whose keys come and go.

    Args:
        numerator: (n, value channels), changed in place.
        denominator: (n,), changed in place.
    """

    def __init__(self, numerator: torch.Tensor, denominator: torch.Tensor) -> None:
        self.numerator = numerator
        self.denominator = denominator

    def add(self, weights: torch.Tensor, values: torch.Tensor, sign: int = 1) -> None:
        """Add (or with ``sign=-1`` take away) keys.

        Args:
            weights: (n, m) affinities.
            values: (m, value channels).
            sign: 1 or -1.
        """
        self.numerator.addmm_(weights, values, alpha=sign)
        self.denominator.add_(weights.sum(dim=1), alpha=sign)
