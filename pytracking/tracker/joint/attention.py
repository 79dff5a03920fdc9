"""Attention by tiles, with scores small enough for plain exponentials.

Scores are cosines times 30, so ``exp(score - 30)`` never exceeds 1 and needs no running maximum:
numerators and denominators of different keys can simply be added and subtracted. Every token's own
key contributes exp(0) = 1, so a denominator never falls below 1 and rounding errors stay small.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class RunningAttention:
    """Attention whose keys come and go.

    Args:
        numerator: Sum of weighted values, (n, channels); changed in place.
        denominator: Sum of weights, (n,); changed in place.
    """

    numerator: torch.Tensor
    denominator: torch.Tensor

    @classmethod
    def of(cls, weights: torch.Tensor, values: torch.Tensor) -> RunningAttention:
        """Attention to one set of keys: weights (n, m), values (m, channels)."""
        return cls(weights @ values, weights.sum(dim=1))

    def clone(self) -> RunningAttention:
        """A copy that can be changed without this one."""
        return RunningAttention(self.numerator.clone(), self.denominator.clone())

    def add(self, weights: torch.Tensor, values: torch.Tensor, sign: int) -> None:
        """Add keys, or take them away with ``sign=-1``; arguments as ``of``."""
        self.numerator.addmm_(weights, values, alpha=sign)
        self.denominator.add_(weights.sum(dim=1), alpha=sign)

    def merge(self, other: RunningAttention, sign: int) -> None:
        """Add another attention of the same queries, or take it away with ``sign=-1``."""
        self.numerator.add_(other.numerator, alpha=sign)
        self.denominator.add_(other.denominator, alpha=sign)

    def result(self) -> torch.Tensor:
        """Attended values, (n, channels)."""
        return self.numerator / self.denominator[:, None]
