"""J and F of single frames against their plain definitions, and what must hold for any masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltr.admin.errors import DataError
from ltr.data.mask_metrics.frame_pair import FramePair, boundary_f
from ltr.data.mask_metrics.region import jaccard
from tests.pytracking.analysis.plain_scores import (
    label_map_pairs,
    plain_boundary_f,
    plain_jaccard,
)

_IDS = range(1, 5)
_TOLERANCES = st.sampled_from([0.008, 0.05, 0.3, 1, 2, 5, 70])


@settings(max_examples=200, deadline=None)
@given(label_map_pairs(), _TOLERANCES)
def test_every_pair_of_objects_has_the_scores_of_the_definition(maps, tolerance):
    truth, prediction = maps
    pair = FramePair(truth, prediction, tolerance=tolerance)
    for wanted in _IDS:
        for found in _IDS:
            masks = truth == wanted, prediction == found
            assert pair.jaccard(wanted, found) == plain_jaccard(*masks)
            expected = plain_boundary_f(*masks, tolerance)
            assert pair.boundary_f(wanted, found) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(label_map_pairs(most_labels=1), _TOLERANCES)
def test_simple_functions_agree_are_symmetric_and_bounded(maps, tolerance):
    first, second = (labels > 0 for labels in maps)
    j, f = jaccard(first, second), boundary_f(first, second, tolerance=tolerance)
    pair = FramePair(*maps, tolerance=tolerance)
    assert (j, f) == (pair.jaccard(1, 1), pair.boundary_f(1, 1))
    assert (j, f) == (jaccard(second, first), boundary_f(second, first, tolerance=tolerance))
    assert 0.0 <= j <= 1.0
    assert 0.0 <= f <= 1.0
    assert jaccard(first, first) == boundary_f(first, first) == 1.0


@settings(max_examples=50, deadline=None)
@given(label_map_pairs(), st.permutations(list(_IDS)))
def test_names_of_objects_do_not_matter(maps, order):
    table = np.array([0, *order], np.uint8)
    pair, renamed = FramePair(*maps), FramePair(*(table[labels] for labels in maps))
    for old, new in zip(_IDS, order, strict=True):
        assert pair.jaccard(old, old) == renamed.jaccard(new, new)
        assert pair.boundary_f(old, old) == renamed.boundary_f(new, new)


@settings(max_examples=50, deadline=None)
@given(label_map_pairs(most_labels=2), st.integers(0, 2**32))
def test_void_pixels_are_taken_out_of_both_masks(maps, seed):
    void = np.random.default_rng(seed).random(maps[0].shape) < 0.2
    pair = FramePair(*maps, void)
    masks = [(labels == 1) & ~void for labels in maps]
    assert pair.jaccard(1, 1) == plain_jaccard(*masks)
    assert pair.boundary_f(1, 1) == pytest.approx(plain_boundary_f(*masks), abs=1e-12)
    raw = [labels == 1 for labels in maps]
    assert jaccard(*raw, void) == pair.jaccard(1, 1)
    assert boundary_f(*raw, void) == pair.boundary_f(1, 1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (48, 64), (50, 200)])
def test_empty_and_full_masks(shape):
    empty, full = np.zeros(shape, bool), np.ones(shape, bool)
    assert jaccard(empty, empty) == boundary_f(empty, empty) == 1.0
    assert jaccard(full, full) == boundary_f(full, full) == 1.0
    assert jaccard(full, empty) == 0.0
    assert boundary_f(full, empty) == 1.0, "neither has a boundary pixel"
    if min(shape) > 2:
        part = empty.copy()
        part[1, 1] = True
        assert jaccard(part, empty) == boundary_f(part, empty) == boundary_f(empty, part) == 0.0


@pytest.mark.parametrize("place", [(0, 0), (0, 99), (49, 0), (49, 99), (20, 63), (20, 64)])
@pytest.mark.parametrize("step", [(0, 1), (1, 0), (3, 4), (0, 40)])
def test_single_pixels(place, step):
    first, second = np.zeros((2, 50, 100), bool)
    first[place] = True
    second[(place[0] + step[0]) % 50, (place[1] + step[1]) % 100] = True
    for tolerance in (1, 5):
        expected = plain_boundary_f(first, second, tolerance)
        assert boundary_f(first, second, tolerance=tolerance) == pytest.approx(expected)


def test_wide_object_at_the_left_edge():
    """Words of 64 pixels must not leak into the next row."""
    first = np.zeros((120, 400), bool)
    first[30:90, :70] = True
    second = np.roll(first, (6, 9), axis=(0, 1))
    assert boundary_f(first, second) == pytest.approx(plain_boundary_f(first, second))


@pytest.mark.parametrize("measure", [jaccard, boundary_f])
def test_other_sizes_are_refused(measure):
    with pytest.raises(DataError, match=r"\(3, 4\).*\(4, 3\)"):
        measure(np.zeros((3, 4), bool), np.zeros((4, 3), bool))
    with pytest.raises(DataError, match="void"):
        measure(np.zeros((3, 4), bool), np.zeros((3, 4), bool), np.zeros((1, 1), bool))


def test_stacks_of_frames():
    masks = np.zeros((3, 5, 5), bool)
    masks[1, 2:4, 2:4] = True
    assert jaccard(masks, masks[::-1].copy()).tolist() == [1.0, 1.0, 1.0]
    assert jaccard(masks, np.roll(masks, 1, axis=0)).tolist() == [1.0, 0.0, 0.0]


def test_any_whole_numbers_are_labels():
    labels = np.zeros((9, 9), np.int64)
    labels[2:5, 2:5] = 7
    assert FramePair(labels, labels.astype(np.uint8)).boundary_f(7, 7) == 1.0
    assert FramePair(labels > 0, labels > 0).jaccard(1, 1) == 1.0
    for wrong in (labels * 100, labels - 1, labels + 0.5):
        with pytest.raises(DataError, match="not labels"):
            FramePair(labels, wrong)
    with pytest.raises(DataError, match=r"expected a label map \(H, W\)"):
        FramePair(labels, np.zeros((9, 9, 3), np.uint8))
