"""Average precision and recall as the COCO evaluation defines them.

Who calls it supplies overlaps and areas: of masks, boxes or whole videos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = (1, 10, 100)
UNDEFINED = -1.0

AreaRanges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Cell:
    """Detections and ground truth of one category in one image or video.

    Args:
        scores: float (detections,), scores in descending order.
        areas: float (detections,), areas of the detections in pixels.
        overlaps: (detections, ground truths).
        truth_ids: Identifiers of the ground truths; the official program takes 0 for "no match".
        truth_areas: float (truths,), areas of the ground truths in pixels.
        truth_is_crowd: Which ground truths stand for a crowd.
    """

    scores: np.ndarray
    areas: np.ndarray
    overlaps: np.ndarray
    truth_ids: np.ndarray
    truth_areas: np.ndarray
    truth_is_crowd: np.ndarray


@dataclass(frozen=True)
class PrecisionRecall:
    """All curves; -1 where a category has no ground truth.

    Args:
        categories: Category ids, in the order of the arrays.
        ranges: Names of the area ranges, the order of the arrays.
        precision: (thresholds, recalls, categories, ranges, detections).
        recall: (thresholds, categories, ranges, detections).
    """

    categories: tuple[int, ...]
    ranges: tuple[str, ...]
    precision: np.ndarray
    recall: np.ndarray

    def average_precision(
        self, threshold: float | None = None, area: str = "all", category: int | None = None
    ) -> float:
        """Mean precision over recalls, thresholds and categories, with 100 detections."""
        thresholds = slice(None) if threshold is None else [_index_of(threshold)]
        values = self.precision[thresholds][:, :, self._columns(category), self._range(area), -1]
        return _mean_of_defined(values)

    def average_recall(
        self, max_detections: int = 100, area: str = "all", category: int | None = None
    ) -> float:
        """Mean over thresholds and categories of the recall with so many detections."""
        place = MAX_DETECTIONS.index(max_detections)
        values = self.recall[:, self._columns(category), self._range(area), place]
        return _mean_of_defined(values)

    def summary(self) -> dict[str, float]:
        """The twelve official numbers, 0..1, -1 where undefined."""
        return {
            "AP": self.average_precision(),
            "AP50": self.average_precision(0.5),
            "AP75": self.average_precision(0.75),
            "APs": self.average_precision(area="small"),
            "APm": self.average_precision(area="medium"),
            "APl": self.average_precision(area="large"),
            "AR1": self.average_recall(1),
            "AR10": self.average_recall(10),
            "AR100": self.average_recall(100),
            "ARs": self.average_recall(area="small"),
            "ARm": self.average_recall(area="medium"),
            "ARl": self.average_recall(area="large"),
        }

    def curve(self, category: int, threshold: float) -> np.ndarray:
        """Precision at the 101 recalls, all areas, 100 detections."""
        place = self.categories.index(category)
        return self.precision[_index_of(threshold), :, place, self._range("all"), -1]

    def _columns(self, category: int | None) -> slice | list[int]:
        return slice(None) if category is None else [self.categories.index(category)]

    def _range(self, area: str) -> int:
        return self.ranges.index(area)


def precision_recall(
    cells: Mapping[int, Sequence[Cell]], area_ranges: AreaRanges
) -> PrecisionRecall:
    """Match detections to ground truth and accumulate precision and recall.

    Args:
        cells: Cells per category, in ascending order of image or video.
        area_ranges: Smallest and largest area by name, both included.
    """
    grid = len(cells), len(area_ranges), len(MAX_DETECTIONS)
    precision = np.full((len(IOU_THRESHOLDS), len(RECALLS), *grid), UNDEFINED)
    recall = np.full((len(IOU_THRESHOLDS), *grid), UNDEFINED)
    for k, category_cells in enumerate(cells.values()):
        for a, limits in enumerate(area_ranges.values()):
            matched = [_match(cell, limits) for cell in category_cells]
            for m, most in enumerate(MAX_DETECTIONS):
                curves = _accumulate(category_cells, matched, most)
                if curves is not None:
                    precision[:, :, k, a, m], recall[:, k, a, m] = curves
    return PrecisionRecall(tuple(cells), tuple(area_ranges), precision, recall)


def keep_best(
    scores: Sequence[float] | np.ndarray, most: int | None = MAX_DETECTIONS[-1]
) -> np.ndarray:
    """Order of the best detections by descending score; equal scores keep their order."""
    return np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")[:most]


@dataclass(frozen=True)
class _Matches:
    """Outcome of one cell: (thresholds, detections) bool, and the number of ground truths."""

    is_hit: np.ndarray
    is_ignored: np.ndarray
    num_truths: int


def _match(cell: Cell, limits: tuple[float, float]) -> _Matches:
    low, high = limits
    is_ignored = cell.truth_is_crowd | (cell.truth_areas < low) | (cell.truth_areas > high)
    order = np.argsort(is_ignored, kind="stable")
    hits = np.zeros((len(IOU_THRESHOLDS), len(cell.scores)), bool)
    ignored = np.zeros_like(hits)
    for row, threshold in enumerate(IOU_THRESHOLDS):
        taken = np.zeros(len(order), bool)
        for detection in range(len(cell.scores)):
            best = _best_truth(cell, detection, order, is_ignored, taken, threshold)
            if best is not None:
                taken[best] = True
                ignored[row, detection] = is_ignored[best]
                hits[row, detection] = cell.truth_ids[best] != 0
    is_outside = (cell.areas < low) | (cell.areas > high)
    return _Matches(hits, ignored | (~hits & is_outside), int((~is_ignored).sum()))


def _best_truth(
    cell: Cell,
    detection: int,
    order: np.ndarray,
    is_ignored: np.ndarray,
    taken: np.ndarray,
    threshold: float,
) -> int | None:
    """The free ground truth with the largest overlap; of equal ones the later in ``order``."""
    best, least = None, min(threshold, 1 - 1e-10)
    for truth in order.tolist():
        if taken[truth] and not cell.truth_is_crowd[truth]:
            continue
        if best is not None and not is_ignored[best] and is_ignored[truth]:
            break
        if cell.overlaps[detection, truth] >= least:
            best, least = truth, cell.overlaps[detection, truth]
    return best


def _accumulate(
    cells: Sequence[Cell], matched: Sequence[_Matches], most: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Sampled precision (thresholds, recalls) and final recall (thresholds,)."""
    num_truths = sum(matches.num_truths for matches in matched)
    if not num_truths:
        return None
    order = keep_best(np.concatenate([cell.scores[:most] for cell in cells]), most=None)
    hits = np.concatenate([matches.is_hit[:, :most] for matches in matched], axis=1)[:, order]
    ignored = np.concatenate([m.is_ignored[:, :most] for m in matched], axis=1)[:, order]
    true = np.cumsum(hits & ~ignored, axis=1).astype(np.float64)
    false = np.cumsum(~hits & ~ignored, axis=1).astype(np.float64)
    recall = true / num_truths
    precision = true / (true + false + np.spacing(1))
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    sampled = np.stack([_sample(*rows) for rows in zip(recall, envelope, strict=True)])
    final = recall[:, -1] if recall.shape[1] else np.zeros(len(recall))
    return sampled, final


def _sample(recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Precision at the first detection that reaches each recall; 0 where none does."""
    places = np.searchsorted(recall, RECALLS, side="left")
    return np.append(precision, 0.0)[places]


def _index_of(threshold: float) -> int:
    return int(np.flatnonzero(np.isclose(IOU_THRESHOLDS, threshold))[0])


def _mean_of_defined(values: np.ndarray) -> float:
    defined = values[values > UNDEFINED]
    return float(defined.mean()) if defined.size else UNDEFINED
