"""Which frame comes next; reference recommendations are part of the conformance run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ltr.admin.errors import ConfigError
from ltr.models.interactive.agent import agent_network
from ltr.models.interactive.assess import assess_network
from pytracking.tracker.interactive.quality import NetworkQuality
from pytracking.tracker.interactive.recommend import (
    RecommendContext,
    cut_window,
    make_recommender,
    spread_frames,
)
from tests.small_hosts import clip, drawn

videos = st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1)))


@given(videos, st.integers(1, 40))
def test_a_window_holds_its_frame(video, length):
    frames, first = video
    window = cut_window(frames, first, length)
    assert len(window) == min(length, frames)
    assert first in window
    assert window.start >= 0
    assert window.stop <= frames


@given(videos, st.integers(1, 12))
def test_spread_frames_hold_their_frame(video, count):
    frames, first = video
    found = spread_frames(frames, first, count)
    assert first in found
    assert len(found) == min(count, frames)
    assert found == sorted(set(found))
    assert found[0] >= 0
    assert found[-1] < frames


@given(videos, st.integers(0, 2**31))
def test_the_worst_frame_is_not_repeated_before_all_are_done(video, seed):
    frames, first = video
    quality = np.random.default_rng(seed).random(frames)
    rule, annotated = make_recommender("worst"), [first]
    for _ in range(frames - 1):
        annotated.append(rule.next(RecommendContext(frames, annotated, quality)))
    assert sorted(annotated) == list(range(frames))
    rest = annotated[1:]
    assert rest == sorted(rest, key=quality.__getitem__)
    again = rule.next(RecommendContext(frames, annotated, quality))
    assert again == quality.argmin()


def test_linspace_returns_to_the_first_frame_at_last():
    rule, annotated = make_recommender("linspace"), [3]
    for _ in range(8):
        annotated.append(rule.next(RecommendContext(40, annotated)))
    assert len(set(annotated)) == 8
    assert annotated[-1] == 3


def test_the_agent_reads_every_frame_in_both_directions():
    network = drawn(agent_network(hidden=32), gain=2.0)
    states = torch.rand(2, 7, 2, generator=torch.Generator().manual_seed(0))
    values = network(states)
    for frame in range(7):
        changed = states.clone()
        changed[0, frame] += 1
        moved = (network(changed) - values).abs() > 1e-6
        assert moved[0].all()
        assert not moved[1].any()


def test_wrong_methods_are_one_sentence():
    with pytest.raises(ConfigError, match="'linspace'"):
        make_recommender("linspce")
    with pytest.raises(ConfigError, match="agent"):
        make_recommender("ours")


def test_quality_does_not_depend_on_the_batch():
    network = drawn(assess_network(width=8, depths=(1, 1, 1, 1), side=64))
    probs = torch.rand(6, 4, 70, 110, generator=torch.Generator().manual_seed(0))
    frames = clip()
    found = NetworkQuality(network, batch=64).estimate_objects(frames, probs)
    assert found.shape == (6, 3)
    alone = NetworkQuality(network, batch=1).estimate_objects(frames, probs)
    np.testing.assert_allclose(found, alone, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        NetworkQuality(network).estimate(frames, probs), found.mean(axis=1), rtol=1e-4, atol=1e-5
    )
    assert np.ptp(found) > 1e-3
