"""Played samples, exploration, and what is remembered."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import torch

from ltr.models.interactive.agent import agent_network
from pytracking.evaluation.interactive.playing import robot_for
from pytracking.evaluation.interactive.sample import Sample
from pytracking.recommendation.episodes import ExploringAgent, play_sample, remember
from pytracking.tracker.interactive.recommend import AgentFrame, RecommendContext, WorstFrame
from tests.plain_host import PlainHost, scribbled_videos


class HalfQuality:
    """Takes every frame for half good, and the third for the worst."""

    def estimate(self, frames, probs: torch.Tensor) -> np.ndarray:
        values = np.full(len(frames), 0.5)
        values[2] = 0.1
        return values


@pytest.fixture
def rounds(tmp_path):
    host = PlainHost()
    (video,) = scribbled_videos(tmp_path).values()
    return list(play_sample(host, Sample(video, 1, robot_for(host)), WorstFrame(), 4))


def test_the_recommended_frame_is_the_next_one(rounds):
    assert [played.number for played in rounds] == [1, 2, 3, 4]
    assert rounds[0].frame == 0
    for before, after in itertools.pairwise(rounds):
        assert after.frame == before.next_frame
        worst = np.argsort(before.quality)
        seen = {played.frame for played in rounds[: before.number]}
        assert before.next_frame == next(frame for frame in worst if frame not in seen)
    assert rounds[-1].quality.mean() > rounds[0].quality.mean()


def test_an_estimate_is_what_the_recommender_sees(tmp_path):
    host = PlainHost()
    (video,) = scribbled_videos(tmp_path).values()
    sample = Sample(video, 1, robot_for(host))
    (played,) = play_sample(host, sample, WorstFrame(), 1, HalfQuality())
    assert played.next_frame == 2
    assert played.quality[2] != 0.1
    assert {row.interaction for row in sample.rows} == {1}


def test_transitions_join_neighbouring_rounds(rounds):
    transitions = remember(rounds, "bear", 1, None, late_counts=False)
    assert [row.action for row in transitions] == [played.frame for played in rounds[1:]]
    assert [row.done for row in transitions] == [False, False, True]
    for row, before, after in zip(transitions, rounds[:-1], rounds[1:], strict=True):
        assert (row.state_iou == before.quality).all()
        assert (row.next_state_iou == after.quality).all()
        assert row.annotated_frames.sum() == before.number
        assert row.reward_step == 1.0  # worst never repeats a frame
    late = remember(rounds, "bear", 1, None, late_counts=True)
    for row, plain in zip(late, transitions, strict=True):
        assert (row.annotated_frames == plain.next_annotated_frames).all()
        assert row.next_annotated_frames.sum() == row.annotated_frames.sum() + 1


def test_exploration_mixes_chance_and_agent():
    torch.manual_seed(0)
    agent = AgentFrame(agent_network(hidden=8).eval())
    context = RecommendContext(9, [0], np.linspace(0, 1, 9))
    greedy = agent.next(context)
    always = ExploringAgent(agent, random.Random(0), (0.0, 0.0, 1.0))
    assert [always.next(context) for _ in range(20)] == [greedy] * 20
    never = ExploringAgent(agent, random.Random(0), (1.0, 1.0, 1.0))
    assert len({never.next(context) for _ in range(60)}) > 6
    half = ExploringAgent(agent, random.Random(0), (0.5, 0.5, 1.0))
    share = np.mean([half.next(context) == greedy for _ in range(400)])
    assert share == pytest.approx(0.5 + 0.5 / 9, abs=0.08)
