"""How sure the mean of a data set is: percentile bootstrap over its sequences.

Sequences, not objects, are drawn, since the objects of a video fail together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

_DRAWS = 10_000
_LEVEL = 0.95
_SEED = 0


class Interval(NamedTuple):
    """A mean with its confidence interval.

    Args:
        mean: Mean over all objects.
        low: Lower end.
        high: Upper end.
    """

    mean: float
    low: float
    high: float


def interval_of_mean(
    values: Mapping[str, Sequence[float]], level: float = _LEVEL, draws: int = _DRAWS
) -> Interval:
    """The mean over the objects of all sequences, and where it lies for other sequences.

    Args:
        values: Values of the objects by sequence, none of them NaN.
        level: Probability that the interval covers.
        draws: Number of resampled data sets.

    Returns:
        The same numbers at every call; three NaN without any value.
    """
    groups = [np.asarray(own, float) for own in values.values() if len(own)]
    if not groups:
        return Interval(np.nan, np.nan, np.nan)
    sums = np.array([group.sum() for group in groups])
    counts = np.array([len(group) for group in groups])
    chosen = np.random.default_rng(_SEED).integers(0, len(groups), (draws, len(groups)))
    means = sums[chosen].sum(axis=1) / counts[chosen].sum(axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(sums.sum() / counts.sum()), float(low), float(high))
