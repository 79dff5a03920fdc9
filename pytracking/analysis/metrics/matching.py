"""One-to-one assignment of proposals to objects."""

from __future__ import annotations

import numpy as np


def match_proposals(quality: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the assignment with the largest sum (Hungarian method).

    Args:
        quality: (proposals, objects), finite.

    Returns:
        Indices of the matched proposals, ascending, and the object of each.

    >>> [indices.tolist() for indices in match_proposals(np.array([[0.2, 0.9], [0.3, 0.8]]))]
    [[0, 1], [1, 0]]
    """
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(-np.asarray(quality))
