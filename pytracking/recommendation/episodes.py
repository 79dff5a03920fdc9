"""Samples played with a recommender, and what the agent remembers of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import numpy as np
import torch

from ltr.actors.recommendation import exploration_rate
from ltr.dataset.experience import RewardTable, Transition, step_reward
from pytracking.evaluation.interactive.playing import play_round
from pytracking.evaluation.interactive.sample import Sample, Scores
from pytracking.tracker.interactive.base import InteractiveVOS, RoundResult
from pytracking.tracker.interactive.recommend import (
    AgentFrame,
    RecommendContext,
    Recommender,
    count_annotations,
)


class QualityEstimate(Protocol):
    """Estimates how good masks are, see ``NetworkQuality``."""

    def estimate(self, frames: Sequence[np.ndarray], probs: torch.Tensor) -> np.ndarray:
        """float64 (frames,)."""


@dataclass(frozen=True)
class PlayedRound:
    """One round of a sample.

    Args:
        number: Number of the round, from 1.
        frame: The frame that carried its scribbles.
        result: What the host made of them; its probabilities are valid until the next round.
        scores: True J and F.
        quality: float64 (frames,), the true metric.
        estimate: float64 (frames,), what the quality network takes it for; None without one.
        next_frame: What was recommended.
        recommendation_seconds: What the estimate and the recommendation took.
    """

    number: int
    frame: int
    result: RoundResult
    scores: Scores
    quality: np.ndarray
    estimate: np.ndarray | None
    next_frame: int
    recommendation_seconds: float


def play_sample(
    host: InteractiveVOS,
    sample: Sample,
    recommender: Recommender,
    rounds: int,
    estimator: QualityEstimate | None = None,
) -> Iterator[PlayedRound]:
    """Play a sample round by round; the frame of the next round is the recommended one.

    The recommendation after the last round is asked for, as upstream does, but not drawn on.

    Args:
        host: Segments.
        sample: A fresh one; its rows are the report.
        recommender: Chooses the frames.
        rounds: Number of rounds.
        estimator: Gives the quality that the recommender sees; None lets it see the true one.

    Yields:
        Every round when it has been played.

    Raises:
        DataError: Files of the video are missing or damaged.
    """
    frames = sample.video.read_frames()
    host.start(
        frames, sample.video.num_objects, video_id=f"{sample.video.name}+{sample.video.offset}"
    )
    for number in range(1, rounds + 1):
        frame = sample.frame
        result = play_round(host, sample)
        scores = sample.score(result.masks)
        sample.record(scores, result.seconds)
        quality = scores.of(sample.metric)
        started = perf_counter()
        estimate = None
        if estimator is not None and recommender.needs_quality:
            estimate = estimator.estimate(frames, result.probs)
        seen = quality if estimate is None else estimate
        context = RecommendContext(len(frames), sample.annotated, seen)
        next_frame = recommender.next(context)
        seconds = perf_counter() - started
        if number < rounds:
            sample.annotate(result.masks, scores, [next_frame])
        yield PlayedRound(number, frame, result, scores, quality, estimate, next_frame, seconds)
    host.finish()


class ExploringAgent(Recommender):
    """The agent while it learns: now and then any frame instead of its choice.

    Args:
        agent: Recommender that is followed unless a random frame is explored.
        rng: Decides when, and which frame.
        rates: Exploration at the first decision and in the end, and how slowly it falls.
        decisions: Number of decisions of earlier episodes.
    """

    needs_quality = True

    def __init__(
        self,
        agent: AgentFrame,
        rng: random.Random,
        rates: tuple[float, float, float],
        decisions: int = 0,
    ) -> None:
        self._agent = agent
        self._rng = rng
        self._rates = rates
        self._decisions = decisions

    def next(self, context: RecommendContext) -> int:
        """See ``Recommender.next``."""
        self._decisions += 1
        if self._rng.random() > exploration_rate(self._decisions, *self._rates):
            return self._agent.next(context)
        return self._rng.choice(range(context.num_frames))


def remember(
    rounds: Sequence[PlayedRound],
    sequence: str,
    episode: int,
    table: RewardTable | None,
    late_counts: bool,
) -> list[Transition]:
    """The transitions of an episode, one for every round but the first.

    Args:
        rounds: All of them.
        sequence: Name of the video.
        episode: Number of the episode of this video, from 1.
        table: Gives the reward for the quality reached; None gives 0.
        late_counts: Upstream stores the counts one annotation late, so that the agent learns from
            states that contain the action already.

    Raises:
        DataError: The table lacks episodes.
    """
    num_frames, transitions = len(rounds[0].quality), []
    annotated = [played.frame for played in rounds] + [rounds[-1].next_frame]
    for index in range(1, len(rounds)):
        before, after = rounds[index - 1], rounds[index]
        seen = count_annotations(num_frames, annotated[:index]).astype(float)
        counts = [
            count_annotations(num_frames, annotated[: index + late_counts + step]).astype(float)
            for step in (0, 1)
        ]
        reward = 0.0
        if table is not None:
            reward = table.score(sequence, episode, after.number, after.quality)
        transitions.append(
            Transition(
                sequence,
                episode,
                before.number,
                after.number,
                after.frame,
                step_reward(seen, after.frame),
                reward,
                index == len(rounds) - 1,
                before.quality,
                after.quality,
                *counts,
            )
        )
    return transitions
