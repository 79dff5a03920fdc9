"""One frame of ground truth beside one frame of results."""

from __future__ import annotations

import numpy as np

from pytracking.analysis.boundary import (
    TOLERANCE,
    Outlines,
    crop_to_objects,
    f_measure,
    tolerance_radius,
)
from pytracking.analysis.region import joint_histogram
from pytracking.analysis.shapes import check_same_shape


class FramePair:
    """Scores any object of the ground truth against any object of the prediction.

    Both maps are looked at once for all objects, and only inside the box that holds all of them.

    Args:
        truth: Label map, uint8 (H, W).
        prediction: Label map, uint8 (H, W).
        void: Pixels that count neither way, bool (H, W).
        tolerance: Of boundaries, see ``tolerance_radius``.

    Raises:
        DataError: The shapes differ.
    """

    def __init__(
        self,
        truth: np.ndarray,
        prediction: np.ndarray,
        void: np.ndarray | None = None,
        tolerance: float = TOLERANCE,
    ) -> None:
        check_same_shape("prediction", prediction, truth)
        radius = tolerance_radius(truth.shape, tolerance)
        if void is not None:
            check_same_shape("void", void, truth)
            truth, prediction = (np.where(void, np.uint8(0), m) for m in (truth, prediction))
        truth, prediction = crop_to_objects(truth, prediction)
        # The last row and column of the crop are neighbours only, not pixels of their own.
        self._histogram = joint_histogram(truth[:-1, :-1], prediction[:-1, :-1])
        self._truth_areas = self._histogram.sum(axis=1).tolist()
        self._prediction_areas = self._histogram.sum(axis=0).tolist()
        self._truth_outlines = Outlines(truth, self._truth_areas, radius)
        self._prediction_outlines = Outlines(prediction, self._prediction_areas, radius)

    def jaccard(self, truth_id: int, prediction_id: int) -> float:
        """Region similarity of two objects, pixels common to both over pixels of either.

        It is 1 when both are absent.
        """
        is_known = truth_id < len(self._truth_areas) and prediction_id < len(self._prediction_areas)
        intersection = int(self._histogram[truth_id, prediction_id]) if is_known else 0
        areas = _at(self._truth_areas, truth_id) + _at(self._prediction_areas, prediction_id)
        union = areas - intersection
        return intersection / union if union else 1.0

    def boundary_f(self, truth_id: int, prediction_id: int) -> float:
        """Boundary measure of two objects."""
        return f_measure(self._truth_outlines, self._prediction_outlines, truth_id, prediction_id)


def boundary_f(
    prediction: np.ndarray,
    truth: np.ndarray,
    void: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
) -> float:
    """Boundary measure of two masks.

    Args:
        prediction: bool (H, W); other types count as set where not 0.
        truth: The same shape.
        void: Pixels that are taken out of both masks, the same shape.
        tolerance: See ``tolerance_radius``.

    Raises:
        DataError: The shapes differ.

    >>> mask = np.zeros((50, 50), bool)
    >>> mask[10:20, 10:20] = True
    >>> boundary_f(np.roll(mask, 1), mask), boundary_f(np.roll(mask, 20), mask)
    (1.0, 0.0)
    """
    truth, prediction = (np.asarray(m).astype(bool).view(np.uint8) for m in (truth, prediction))
    void = None if void is None else np.asarray(void).astype(bool)
    return FramePair(truth, prediction, void, tolerance).boundary_f(1, 1)


def _at(areas: list[int], object_id: int) -> int:
    return areas[object_id] if object_id < len(areas) else 0
