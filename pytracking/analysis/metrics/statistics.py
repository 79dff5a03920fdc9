"""Mean, recall and decay of the values of one object over its frames."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_BINS = 4
_SUCCESS = 0.5


class Statistics(NamedTuple):
    """Summary of one measure.

    Args:
        mean: Mean of all values.
        recall: Share of the values above 0.5.
        decay: Mean of the first quarter minus mean of the last; positive = quality is lost.
        std: Standard deviation.
    """

    mean: float
    recall: float
    decay: float
    std: float


def summarise(values: np.ndarray) -> Statistics:
    """Summarise the values of one object, by the rules of the DAVIS evaluation.

    Args:
        values: (frames,), NaN = frame not scored.

    Returns:
        NaN everywhere when no frame was scored.

    >>> summarise(np.array([1.0, 0.5, 0.75, 0.25, 0.0]))[:3]
    (0.5, 0.4, 0.625)
    """
    scored = np.asarray(values, dtype=np.float64)
    scored = scored[~np.isnan(scored)]
    if not scored.size:
        return Statistics(*[float("nan")] * 4)
    return Statistics(
        float(scored.mean()),
        float((scored > _SUCCESS).mean()),
        _decay(scored),
        float(scored.std()),
    )


def _decay(values: np.ndarray) -> float:
    """First quarter minus last; neighbouring quarters share their end frame.

    Upstream keeps the end frames in 8 bits, which breaks beyond 256 frames; here they are integers.
    """
    ends = np.round(np.linspace(1, len(values), _BINS + 1) + 1e-10).astype(int) - 1
    return float(values[: ends[1] + 1].mean() - values[ends[-2] :].mean())


def mean_of(statistics: list[Statistics]) -> Statistics:
    """Mean over objects; every object counts the same, objects without a scored frame do not."""
    table = np.array(statistics, dtype=np.float64).reshape(-1, len(Statistics._fields))
    defined = table[~np.isnan(table[:, 0])]
    if not defined.size:
        return Statistics(*[float("nan")] * 4)
    return Statistics(*defined.mean(axis=0).tolist())
