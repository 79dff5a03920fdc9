"""Attention by tiles, with scores small enough for plain exponentials.

Scores are cosines times 30, so ``exp(score - 30)`` never exceeds 1 and needs no running maximum:
numerators and denominators of different keys can simply be added and subtracted. Every token's own
key contributes exp(0) = 1, so a denominator never falls below 1 and rounding errors stay small.

On CPUs everything is exp(20) times smaller: ``sigmoid(score - 50)`` is ``exp(score - 50)`` within
2e-9 of it, and the library that computes the scores has sigmoids, but no exponentials.

Queries, keys and values are rows, (tokens, channels).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ltr.models.joint.transformer import INVERSE_TEMPERATURE, CosineAttention
from ltr.models.layers.matmul import PackedLinear, can_pack, linear_fast
from ltr.models.layers.normalization import EPS

_SIGMOID_OFFSET = 20.0


class Attended:
    """Keys and values, laid out to be attended to many times.

    Args:
        keys: Unit vectors, (m, channels).
        values: (m, value channels), of any precision.
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        # In half precision the smaller weights would vanish.
        self._is_sigmoid = can_pack(keys.device) and values.dtype != torch.float16
        highest = -_SIGMOID_OFFSET if self._is_sigmoid else 0.0
        offset = keys.new_full((len(keys),), highest - INVERSE_TEMPERATURE)
        self._scores = PackedLinear(INVERSE_TEMPERATURE * keys, offset, len(keys))
        self._sums = PackedLinear(values.t(), None, len(keys))
        self._precision = values.dtype

    def weights(self, queries: torch.Tensor) -> torch.Tensor:
        """Unnormalised attention weights of unit vectors (n, channels).

        Returns:
            (n, m), ``exp(30 * (cosine - 1))`` times a constant.
        """
        if self._is_sigmoid:
            return self._scores(queries, "sigmoid")
        return self._scores(queries).exp_()

    def read(self, weights: torch.Tensor) -> torch.Tensor:
        """Sums of the values with weights (n, m), (n, value channels)."""
        return self._sums(weights.to(self._precision)).float()


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
    def of(cls, weights: torch.Tensor, attended: Attended) -> RunningAttention:
        """The attention of n queries with weights (n, m)."""
        return cls(attended.read(weights), weights.sum(dim=1))

    @classmethod
    def back(cls, weights: torch.Tensor, values: torch.Tensor) -> RunningAttention:
        """The same weights the other way: those of m queries, and values (n, channels)."""
        return cls((weights.t().to(values.dtype) @ values).float(), weights.sum(dim=0))

    def clone(self) -> RunningAttention:
        """A copy that can be changed without this one."""
        return RunningAttention(self.numerator.clone(), self.denominator.clone())

    def add(self, other: RunningAttention, sign: int) -> None:
        """Add another attention of the same queries, or take it away with ``sign=-1``."""
        self.numerator.add_(other.numerator, alpha=sign)
        self.denominator.add_(other.denominator, alpha=sign)

    def added_to(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (n, channels) and what they attend to, single precision."""
        return torch.addcdiv(tokens.float(), self.numerator, self.denominator[:, None])


def normalised_keys(tokens: torch.Tensor, attention: CosineAttention) -> torch.Tensor:
    """Keys of instance-normalised tokens, with the normalisation folded into the projection.

    Args:
        tokens: (n, channels).
        attention: Its projection yields the keys.

    Returns:
        Unit vectors, (n, K).
    """
    centred = tokens - tokens.mean(dim=0)
    variance = centred.square().mean(dim=0)  # in two passes, faster than var_mean
    weight = attention.WK.weight * torch.rsqrt(variance + EPS)
    return F.normalize(linear_fast(centred, weight, attention.WK.bias), dim=1)
