"""Attention by tiles, with scores small enough for plain exponentials.

Scores are cosines times 30, so ``exp(score - 30)`` never exceeds 1 and needs no running maximum:
numerators and denominators of different keys can simply be added and subtracted. Every token's own
key contributes exp(0) = 1, so a denominator never falls below 1 and rounding errors stay small.

Keys and queries are rows, (tokens, channels); values are columns, (channels, tokens).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ltr.models.joint.transformer import INVERSE_TEMPERATURE
from ltr.models.layers.matmul import linear_fast, matmul_fast


def affinity(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Unnormalised attention weights of unit vectors.

    Args:
        queries: (n, channels).
        keys: (m, channels).

    Returns:
        (n, m), ``exp(30 * (cosine - 1))``.
    """
    offset = keys.new_full((len(keys),), -INVERSE_TEMPERATURE)
    return linear_fast(INVERSE_TEMPERATURE * queries, keys, offset).exp_()


@dataclass(frozen=True)
class RunningAttention:
    """Attention whose keys come and go.

    Args:
        numerator: Sum of weighted values, (channels, n); changed in place.
        denominator: Sum of weights, (n,); changed in place.
    """

    numerator: torch.Tensor
    denominator: torch.Tensor

    @classmethod
    def of(cls, weights: torch.Tensor, values: torch.Tensor) -> RunningAttention:
        """The attention of n queries: weights (n, m), values (channels, m) of any precision."""
        numerator = linear_fast(weights.to(values.dtype), values).t()
        return cls(numerator.float(), weights.sum(dim=1))

    @classmethod
    def back(cls, weights: torch.Tensor, values: torch.Tensor) -> RunningAttention:
        """The same affinities the other way, m queries: weights (n, m), values (channels, n)."""
        numerator = matmul_fast(values, weights.to(values.dtype))
        return cls(numerator.float(), weights.sum(dim=0))

    def clone(self) -> RunningAttention:
        """A copy that can be changed without this one."""
        return RunningAttention(
            self.numerator.clone(memory_format=torch.contiguous_format), self.denominator.clone()
        )

    def add(self, other: RunningAttention, sign: int) -> None:
        """Add another attention of the same queries, or take it away with ``sign=-1``."""
        self.numerator.add_(other.numerator, alpha=sign)
        self.denominator.add_(other.denominator, alpha=sign)

    def result(self) -> torch.Tensor:
        """AttentionOutput values, (channels, n)."""
        return self.numerator / self.denominator
