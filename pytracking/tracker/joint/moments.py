"""Where objects are, by the moments of their probability maps."""

from __future__ import annotations

import numpy as np

from pytracking.tracker.joint.geometry import Vector, vector


class AxisMoments:
    """Sum, mean position and deviation of maps.

    Args:
        rows: Sums of the maps' rows, float64 (objects, H).
        columns: Sums of their columns, float64 (objects, W).
    """

    def __init__(self, rows: np.ndarray, columns: np.ndarray) -> None:
        self._axes = (rows, columns)

    def mass(self, index: int) -> float:
        """Sum of map ``index``."""
        return float(self._axes[0][index].sum())

    def center_and_size(self, index: int, size_factor: float) -> tuple[Vector, Vector]:
        """Mean pixel index and ``size_factor`` standard deviations, (row, column) each."""
        centers, sizes = [], []
        for sums in self._axes:
            weights = sums[index] / sums[index].sum()
            positions = np.arange(len(weights))
            center = float(weights @ positions)
            centers.append(center)
            sizes.append(size_factor * float(weights @ (positions - center) ** 2) ** 0.5)
        return vector(centers), vector(sizes)


def box_of(center: Vector, size: Vector) -> tuple[float, float, float, float]:
    """Box (x, y, width, height) of a centre and a size, both (row, column)."""
    (row, column), (height, width) = center.tolist(), size.tolist()
    return column - (width - 1) / 2, row - (height - 1) / 2, width, height
