"""Region similarity J: how much of prediction and ground truth is common."""

from __future__ import annotations

import numpy as np

from ltr.data.mask_metrics.shapes import check_same_shape

_FEW_PAIRS = 9  # so many looks at all pixels take as long as finding the runs


def jaccard(
    prediction: np.ndarray, truth: np.ndarray, void: np.ndarray | None = None
) -> float | np.ndarray:
    """Intersection over union of two masks; 1 when both are empty.

    Args:
        prediction: bool (H, W) or (frames, H, W); other types count as set where not 0.
        truth: bool (H, W), the ground truth.
        void: Pixels that count neither way, the same shape.

    Returns:
        A number, or float64 (frames,).

    Raises:
        DataError: The shapes differ.

    >>> jaccard(np.array([[1, 1, 0, 0]]), np.array([[0, 1, 1, 0]]))
    0.3333333333333333
    """
    prediction, truth = np.asarray(prediction).astype(bool), np.asarray(truth).astype(bool)
    check_same_shape("prediction", prediction, truth)
    common, either = prediction & truth, prediction | truth
    if void is not None:
        check_same_shape("void", np.asarray(void), truth)
        counted = ~np.asarray(void).astype(bool)
        common, either = common & counted, either & counted
    intersection = np.count_nonzero(common, axis=(-2, -1))
    scores = overlap_ratio(intersection, np.count_nonzero(either, axis=(-2, -1)))
    return float(scores) if scores.ndim == 0 else scores


def overlap_ratio(intersection: np.ndarray | int, union: np.ndarray | int) -> np.ndarray:
    """Intersection over union in float64, 1 where the union is empty."""
    intersection, union = np.asarray(intersection), np.asarray(union)
    return np.where(union == 0, 1.0, intersection / np.maximum(union, 1))


def joint_histogram(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Count the pixels of every pair of labels in one pass.

    Args:
        truth: uint8 (H, W).
        prediction: uint8 (H, W).

    Returns:
        int64 (largest label of truth + 1, largest label of prediction + 1).

    >>> joint_histogram(np.uint8([[0, 1, 1]]), np.uint8([[0, 2, 0]])).tolist()
    [[1, 0, 0], [1, 0, 1]]
    """
    if not truth.size:
        return np.zeros((1, 1), np.int64)
    shape = int(truth.max()) + 1, int(prediction.max()) + 1
    size = shape[0] * shape[1]
    pairs: np.ndarray = truth.astype(np.uint8 if size < 256 else np.uint16)
    pairs *= pairs.dtype.type(shape[1])
    pairs += prediction
    count = _count_each if size <= _FEW_PAIRS else _count_runs
    return count(pairs.reshape(-1), size).reshape(shape)


def _count_each(values: np.ndarray, size: int) -> np.ndarray:
    """How often each value below ``size`` occurs; one look at all values for each."""
    counts = [np.count_nonzero(values == value) for value in range(1, size)]
    return np.array([values.size - sum(counts), *counts])


def _count_runs(values: np.ndarray, size: int) -> np.ndarray:
    """The same by runs of equal values, of which label maps have few."""
    (last,) = (values[1:] != values[:-1]).nonzero()
    ends = np.append(last, values.size - 1)
    lengths = ends.copy()
    lengths[1:] -= last
    lengths[0] += 1
    return np.bincount(values[ends], weights=lengths, minlength=size).astype(np.int64)
