"""From many sequences of the same objects to one per object (paper, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pytracking.tracker.propose_reduce.parameters import ReductionName, ReductionSettings

_DROPPED = -1.0


@dataclass(frozen=True)
class ReducedSequences:
    """The sequences that remain.

    Args:
        kept: int64 (kept,), indices of the remaining sequences by descending score.
        scores: float32 (kept, 1 + classes), background first; -1 where a sequence does not count
            for a class.
    """

    kept: np.ndarray
    scores: np.ndarray


def reduce_sequences(
    scores: np.ndarray, overlaps: np.ndarray, name: ReductionName, settings: ReductionSettings
) -> ReducedSequences:
    """Keep one sequence per object.

    Args:
        scores: float32 (sequences, 1 + classes), background first.
        overlaps: Sequence IoU, float64 (sequences, sequences).
        name: ``class_agnostic`` drops sequences that overlap with a better one;
            ``category_aware`` drops near copies and lets the scores of each class decay;
            ``soft`` lets the best scores decay.
        settings: Thresholds.
    """
    best = scores[:, 1:].max(axis=1) if len(scores) else np.zeros(0, np.float32)
    if name == "soft":
        kept, decayed = soft_sequence_nms(best, overlaps, settings)
        return ReducedSequences(kept, _with_best(scores[kept], decayed))
    kept = sequence_nms(best, overlaps, settings.score_threshold, settings.nms_iou)
    if name == "class_agnostic":
        return ReducedSequences(kept, scores[kept])
    by_class = replace(settings, score_threshold=settings.class_score_threshold)
    return ReducedSequences(
        kept, soft_class_aware_reduction(scores[kept], overlaps[np.ix_(kept, kept)], by_class)
    )


def sequence_nms(
    scores: np.ndarray, overlaps: np.ndarray, score_threshold: float, nms_iou: float
) -> np.ndarray:
    """Drop what overlaps with a better sequence; the best one always remains.

    Args:
        scores: (sequences,).
        overlaps: (sequences, sequences).
        score_threshold: Lower ones are dropped.
        nms_iou: Of two sequences with at least this sequence IoU the lower score is dropped, 0..1.

    Returns:
        Places of the kept ones, int64, by descending score.
    """
    is_open = np.ones(len(scores), bool)
    kept: list[int] = []
    while is_open.any():
        best = _best_open(scores, is_open)
        if kept and scores[best] < score_threshold:
            break
        kept.append(best)
        is_open[best] = False
        is_open &= overlaps[best] < nms_iou
    return np.array(kept, np.int64)


def soft_sequence_nms(
    scores: np.ndarray, overlaps: np.ndarray, settings: ReductionSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Lower the scores of what overlaps with a better sequence; may keep nothing.

    Returns:
        Places of the kept ones, int64, and their lowered scores, float32, descending.
    """
    current = scores.copy()
    is_open = np.ones(len(scores), bool)
    kept: list[int] = []
    while is_open.any() and len(kept) < settings.max_instances:
        best = _best_open(current, is_open)
        if current[best] < settings.score_threshold:
            break
        kept.append(best)
        is_open[best] = False
        lowered = is_open & (current >= settings.score_threshold)
        current[lowered] *= np.exp(-(overlaps[best, lowered] ** 2) / settings.sigma)
    places = np.array(kept, np.int64)
    return places, current[places]


def soft_class_aware_reduction(
    scores: np.ndarray, overlaps: np.ndarray, settings: ReductionSettings
) -> np.ndarray:
    """Lower the scores of each class on its own; one sequence may count for several classes."""
    result = np.full_like(scores, _DROPPED)
    result[:, 0] = scores[:, 0]
    for label in range(1, scores.shape[1]):
        kept, lowered = soft_sequence_nms(scores[:, label], overlaps, settings)
        result[kept, label] = lowered
    return result


def _best_open(scores: np.ndarray, is_open: np.ndarray) -> int:
    return int(np.where(is_open, scores, -np.inf).argmax())


def _with_best(scores: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Only the best class of each sequence, with another score."""
    result = np.full_like(scores, _DROPPED)
    if len(scores):
        result[:, 0] = scores[:, 0]
        result[np.arange(len(scores)), 1 + scores[:, 1:].argmax(axis=1)] = best
    return result
