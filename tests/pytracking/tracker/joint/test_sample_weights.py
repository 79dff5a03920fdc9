"""Which memory frames stay: the first one and those that a user annotated."""

from __future__ import annotations

import numpy as np
import pytest

from pytracking.tracker.joint.sample_weights import SampleWeights


def test_annotated_frames_stay_and_share_the_floor():
    weights = SampleWeights(capacity=4, learning_rate=0.1, first_frame_floor=0.25)
    assert weights.insert(is_annotated=True) == 1
    slots = [weights.insert() for _ in range(30)]
    assert set(slots) == {2, 3}
    assert weights.values.sum() == pytest.approx(1, abs=0.02)
    assert weights.values[:2] == pytest.approx([0.125, 0.125], abs=0.02)


def test_the_oldest_correction_makes_room_when_all_frames_are_annotated():
    weights = SampleWeights(capacity=3, learning_rate=0.1, first_frame_floor=0.25)
    assert [weights.insert(is_annotated=True) for _ in range(2)] == [1, 2]
    assert weights.insert(is_annotated=True) == 1
    assert weights.insert() == 2


def test_without_a_floor_none_is_kept():
    weights = SampleWeights(capacity=3, learning_rate=0.2, first_frame_floor=0)
    weights.insert(is_annotated=True)
    assert {weights.insert() for _ in range(12)} == {0, 1, 2}
    assert np.isfinite(weights.values).all()
