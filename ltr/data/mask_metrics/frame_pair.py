"""One frame of ground truth beside one frame of results."""

from __future__ import annotations

import numpy as np

from ltr.data.mask_metrics.boundary import (
    TOLERANCE,
    Outline,
    crop_to_objects,
    f_measure,
    tolerance_radius,
    trace,
)
from ltr.data.mask_metrics.region import joint_histogram
from ltr.data.mask_metrics.shapes import as_label_map, check_same_shape

_SIDES = _TRUTH, _PREDICTION = 0, 1


class FramePair:
    """Scores any object of the ground truth against any object of the prediction.

    Both maps are looked at once for all objects, and only inside the box that holds all of them.

    Args:
        truth: Label map, uint8 (H, W).
        prediction: Label map, uint8 (H, W).
        void: Pixels that count neither way, bool (H, W).
        tolerance: Tolerance of boundaries, see ``tolerance_radius``.

    Raises:
        DataError: The shapes differ, or values are not labels.
    """

    def __init__(
        self,
        truth: np.ndarray,
        prediction: np.ndarray,
        void: np.ndarray | None = None,
        tolerance: float = TOLERANCE,
    ) -> None:
        truth, prediction = as_label_map("truth", truth), as_label_map("prediction", prediction)
        check_same_shape("prediction", prediction, truth)
        self._radius = tolerance_radius(truth.shape, tolerance)
        if void is not None:
            check_same_shape("void", void, truth)
            truth, prediction = (np.where(void, np.uint8(0), m) for m in (truth, prediction))
        self._maps = crop_to_objects(truth, prediction)
        # The last row and column of the crop are neighbours only, not pixels of their own.
        self._histogram = joint_histogram(*(labels[:-1, :-1] for labels in self._maps))
        self._areas = self._histogram.sum(axis=1).tolist(), self._histogram.sum(axis=0).tolist()
        self._outlines: tuple[dict[int, Outline | None], ...] = ({}, {})

    def jaccard(self, truth_id: int, prediction_id: int) -> float:
        """Region similarity of two objects, pixels common to both over pixels of either.

        It is 1 when both are absent.
        """
        areas = self._area(_TRUTH, truth_id), self._area(_PREDICTION, prediction_id)
        intersection = int(self._histogram[truth_id, prediction_id]) if all(areas) else 0
        union = sum(areas) - intersection
        return intersection / union if union else 1.0

    def boundary_f(self, truth_id: int, prediction_id: int) -> float:
        """Boundary measure of two objects."""
        ids = truth_id, prediction_id
        self._trace(ids)
        return f_measure(*(known[i] for known, i in zip(self._outlines, ids, strict=True)))

    def _trace(self, ids: tuple[int, int]) -> None:
        """Outline what has not been yet; both objects at once where both are new."""
        new = [side for side in _SIDES if ids[side] not in self._outlines[side]]
        shown = [side for side in new if self._area(side, ids[side])]
        for side in new:
            self._outlines[side][ids[side]] = None
        if not shown:
            return
        maps, labels = [self._maps[side] for side in shown], [ids[side] for side in shown]
        for outline, side in zip(trace(maps, labels, self._radius), shown, strict=True):
            self._outlines[side][ids[side]] = outline

    def _area(self, side: int, object_id: int) -> int:
        areas = self._areas[side]
        return areas[object_id] if object_id < len(areas) else 0


def boundary_f(
    prediction: np.ndarray,
    truth: np.ndarray,
    void: np.ndarray | None = None,
    tolerance: float = TOLERANCE,
) -> float:
    """Boundary measure of two masks.

    Args:
        prediction: bool (H, W); other types count as set where not 0.
        truth: bool (H, W), the ground truth.
        void: Pixels that are taken out of both masks, the same shape.
        tolerance: Tolerance of boundaries, see ``tolerance_radius``.

    Raises:
        DataError: The shapes differ.

    >>> mask = np.zeros((50, 50), bool)
    >>> mask[10:20, 10:20] = True
    >>> boundary_f(np.roll(mask, 1), mask), boundary_f(np.roll(mask, 20), mask)
    (1.0, 0.0)
    """
    truth, prediction = (np.asarray(mask).astype(bool) for mask in (truth, prediction))
    void = None if void is None else np.asarray(void).astype(bool)
    return FramePair(truth, prediction, void, tolerance).boundary_f(1, 1)
