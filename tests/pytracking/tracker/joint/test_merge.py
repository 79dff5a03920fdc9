"""Soft aggregation, labels and moments."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pytracking.tracker.joint.merge import Moments, aggregate, label_map, start_scores
from pytracking.tracker.joint.moments import box_of


@given(st.integers(1, 6), st.floats(0, 150), st.integers(0, 1000))
@settings(deadline=None)
def test_probabilities_sum_to_one_and_follow_the_objects(objects, spread, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = spread * torch.randn(objects, 5, 7, generator=generator)
    probabilities = aggregate(scores)
    torch.testing.assert_close(probabilities.sum(dim=0), torch.ones(5, 7))
    order = torch.randperm(objects, generator=generator)
    torch.testing.assert_close(aggregate(scores[order])[1:], probabilities[1:][order])


def test_one_object_is_the_published_formula():
    scores = torch.linspace(-12, 12, 49).view(1, 7, 7)
    background = (1 - torch.sigmoid(scores)).clamp(1e-7, 1 - 1e-7)
    want = torch.sigmoid(scores - torch.log(background / (1 - background)))
    torch.testing.assert_close(aggregate(scores)[1:], want)


def test_a_starting_object_keeps_its_mask():
    mask = torch.zeros(6, 8)
    mask[2:4, 3:6] = 1
    labels = label_map(aggregate(start_scores(mask)[None]), [9])
    assert torch.equal(labels == 9, mask.bool())


def test_background_then_first_object_wins_ties():
    even = torch.full((3, 2, 2), 1 / 3)
    assert (label_map(even, [4, 7]) == 0).all()
    even[0] = 0
    assert (label_map(even, [4, 7]) == 4).all()


def test_moments_of_a_rectangle():
    maps = torch.zeros(2, 30, 40)
    maps[0, 10:20, 5:25] = 1
    maps[1, 3, 4] = 2
    moments = Moments(maps)
    assert moments.mass(0) == 200
    center, size = moments.center_and_size(0, 4.0)
    assert center.tolist() == [14.5, 14.5]
    want = [4 * np.arange(10).std(), 4 * np.arange(20).std()]
    assert size.tolist() == pytest.approx(want, rel=1e-6)
    center, size = moments.center_and_size(1, 4.0)
    assert center.tolist() == [3, 4]
    assert size.tolist() == [0, 0]


def test_box_of_a_centre():
    assert box_of(np.float32([14.5, 9.5]), np.float32([10, 20])) == (0, 10, 20, 10)
