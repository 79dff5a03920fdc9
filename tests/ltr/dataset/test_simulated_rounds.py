"""Rounds of interactive segmentation as a model."""

from __future__ import annotations

import numpy as np
import pytest

from ltr.dataset.experience import Transition
from ltr.dataset.interactive.simulated_rounds import simulate_episodes


@pytest.fixture(scope="module")
def rows() -> list[Transition]:
    return simulate_episodes(200, 5, 12, seed=3)


def test_every_round_but_the_first_is_a_transition(rows):
    assert len(rows) == 200 * 4
    for row in rows:
        assert row.annotated_frames.sum() == row.n_interaction
        counts = row.annotated_frames.copy()
        counts[row.action] += 1
        assert (row.next_annotated_frames == counts).all()
        assert 0 < row.next_state_iou.min() <= row.next_state_iou.max() < 1


def test_the_seed_decides(rows):
    again, other = simulate_episodes(2, 5, 12, seed=3), simulate_episodes(2, 5, 12, seed=4)
    for row, same, different in zip(rows, again, other, strict=False):
        assert (row.next_state_iou == same.next_state_iou).all()
        assert (row.next_state_iou != different.next_state_iou).any()


def test_frames_beyond_annotated_neighbours_keep_their_quality(rows):
    seen = 0
    for row in rows:
        known = np.flatnonzero(row.annotated_frames)
        below, above = known[known < row.action], known[known > row.action]
        first = below.max() if len(below) else -1
        last = above.min() if len(above) else len(row.state_iou)
        kept = [index for index in range(12) if index <= first or index >= last]
        seen += len(kept)
        assert (row.state_iou[kept] == row.next_state_iou[kept]).all()
    assert seen > 1000


def test_middling_frames_gain_and_annotation_pays_less_and_less(rows):
    gains = [
        np.mean([(x.next_state_iou - x.state_iou).mean() for x in rows if x.n_interaction == n])
        for n in (1, 4)
    ]
    assert gains[0] > gains[1] > -0.01
    own = [(x.state_iou[x.action], x.next_state_iou[x.action]) for x in rows]
    raised = {bad: np.mean([b - a for a, b in own if (a < 0.7) == bad]) for bad in (True, False)}
    assert raised[True] > 0.04 > 0.0 > raised[False]
