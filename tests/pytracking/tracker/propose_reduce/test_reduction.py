"""Reductions of sequences: properties, and cases that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytracking.tracker.propose_reduce.parameters import (
    ProposeReduceParameters,
    ReductionSettings,
)
from pytracking.tracker.propose_reduce.reduction import (
    reduce_sequences,
    sequence_nms,
    soft_sequence_nms,
)

_HALF = np.array([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1.0]])


@st.composite
def _problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    count = draw(st.integers(1, 12))
    overlaps = rng.uniform(0, 1, (count, count))
    overlaps = (overlaps + overlaps.T) / 2
    np.fill_diagonal(overlaps, 1)
    return rng.uniform(0, 1, count).astype(np.float32), overlaps


@given(_problems(), st.floats(0.05, 0.95), st.floats(0, 0.9))
def test_kept_sequences_are_the_best_and_apart(problem, nms_iou, score_threshold):
    scores, overlaps = problem
    kept = sequence_nms(scores, overlaps, score_threshold, nms_iou)
    assert kept[0] == scores.argmax()
    assert (np.diff(scores[kept]) <= 0).all()
    assert (scores[kept[1:]] >= score_threshold).all()
    apart = overlaps[np.ix_(kept, kept)] - np.eye(len(kept))
    assert (apart < nms_iou).all()
    for place in set(range(len(scores))) - set(kept.tolist()):
        better = kept[scores[kept] >= scores[place]]
        is_covered = (overlaps[better, place] >= nms_iou).any()
        assert is_covered or scores[place] < score_threshold


@given(_problems(), st.integers(1, 12))
def test_softly_lowered_scores_descend(problem, max_instances):
    scores, overlaps = problem
    kept, lowered = soft_sequence_nms(
        scores, overlaps, ReductionSettings(0.1, max_instances=max_instances)
    )
    assert len(set(kept.tolist())) == len(kept) <= max_instances
    assert (np.diff(lowered) <= 1e-6).all()
    assert (lowered <= scores[kept] + 1e-6).all()
    assert (lowered >= 0.1).all()


def test_the_best_sequence_survives_a_low_score_only_in_the_hard_form():
    scores = np.array([0.01, 0.02, 0.005], np.float32)
    assert sequence_nms(scores, _HALF, 0.05, 0.4).tolist() == [1]
    assert len(soft_sequence_nms(scores, _HALF, ReductionSettings(0.05))[0]) == 0


def test_overlapping_scores_decay_by_the_gaussian():
    scores = np.array([0.9, 0.8, 0.5], np.float32)
    kept, lowered = soft_sequence_nms(scores, _HALF, ReductionSettings(0.001, sigma=0.5))
    assert kept.tolist() == [0, 2, 1]
    np.testing.assert_allclose(lowered, [0.9, 0.5, 0.8 * np.exp(-0.5)], rtol=1e-6)


def test_a_sequence_may_count_for_several_classes():
    scores = np.array([[0.1, 0.6, 0.3], [0.1, 0.1, 0.8], [0.2, 0.4, 0.4]], np.float32)
    settings = ReductionSettings(0.2, 0.9, class_score_threshold=0.2)
    reduced = reduce_sequences(scores, _HALF, "category_aware", settings)
    decay = np.exp(-0.5)
    assert reduced.kept.tolist() == [1, 0, 2]
    wanted = [[0.1, -1, 0.8], [0.1, 0.6, -1], [0.2, 0.4, 0.4]]
    assert 0.3 * decay < 0.2
    np.testing.assert_allclose(reduced.scores, wanted, rtol=1e-6)


def test_the_two_stages_by_class_have_thresholds_of_their_own():
    """0.05 for a whole sequence, then 0.001 for a category of one that is kept."""
    params = ProposeReduceParameters(net="", reduction="category_aware")
    scores = np.array([[0.1, 0.6, 0.01], [0.9, 0.04, 0.03], [0.8, 0.06, 0.0005]], np.float32)
    found = reduce_sequences(scores, np.eye(3), params.reduction, params.reduction_settings)
    assert found.kept.tolist() == [0, 2]  # 0.04 < 0.05
    wanted = [[0.1, 0.6, 0.01], [0.8, 0.06, -1]]
    np.testing.assert_allclose(found.scores, wanted, rtol=1e-6)
    params = replace(params, score_threshold=0.01, class_score_threshold=0.1)
    found = reduce_sequences(scores, np.eye(3), params.reduction, params.reduction_settings)
    assert found.kept.tolist() == [0, 2, 1]
    np.testing.assert_allclose(found.scores[:, 1:], [[0.6, -1], [-1, -1], [-1, -1]], rtol=1e-6)


@pytest.mark.parametrize("name", ["class_agnostic", "category_aware", "soft"])
def test_no_sequence_reduces_to_none(name):
    reduced = reduce_sequences(
        np.zeros((0, 5), np.float32), np.zeros((0, 0)), name, ReductionSettings(0.05)
    )
    assert len(reduced.kept) == 0
    assert reduced.scores.shape == (0, 5)


def test_the_soft_form_tells_the_best_class_alone():
    scores = np.array([[0.1, 0.3, 0.6]], np.float32)
    reduced = reduce_sequences(
        scores, np.eye(1), "soft", ReductionSettings(0.001, max_instances=20)
    )
    np.testing.assert_allclose(reduced.scores, [[0.1, -1, 0.6]], rtol=1e-6)
