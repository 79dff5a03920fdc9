"""Train the agent: it plays the training samples and learns from a buffer of experience.

Reads reward.csv and pretrain.csv, writes memory_pool.csv, and agent.pt after every epoch.

Example:
    python scripts/interactive/train_agent.py
    python scripts/interactive/train_agent.py joint joint_demo with agent.train_epochs=2
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ltr.actors.recommendation import AgentLearner, LearningRules, make_batch
from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.admin.cli import command
from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write
from ltr.admin.model_constructor import NetConstructor
from ltr.admin.progress import FrameProgress
from ltr.dataset.experience import (
    NUM_SCRIBBLES,
    Transition,
    read_experience,
    worth_learning,
    write_experience,
)
from ltr.models.interactive.agent import agent_network
from pytracking.recommendation.command import Task, parse_task
from pytracking.recommendation.config import RecommendationSettings
from pytracking.recommendation.episodes import ExploringAgent
from pytracking.recommendation.tables import play_episode, reward_table, training_videos
from pytracking.tracker.interactive.recommend import AgentFrame
from pytracking.utils.staging import translate_write_errors

_LOG = logging.getLogger(__name__)
_MEMORY = "memory_pool.csv"


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write ``agent.pt`` and ``memory_pool.csv``."""
    task = parse_task(__doc__, argv, RecommendationSettings(seed=2019))
    settings = task.settings
    pool, names = _first_experience(settings)
    file, memory = settings.agent_file, settings.tables / _MEMORY
    with translate_write_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    for epoch, agent in enumerate(train(task, pool, names), 1):
        with translate_write_errors(file):
            write_experience(memory, pool)
            save_network(file, agent)
        _LOG.info("epoch %d of %d: %s", epoch, settings.agent.train_epochs, file)
    print(f"Agent: {file}")
    return 0


def save_network(path: Path, network: nn.Module) -> None:
    """Write a network that its constructor's defaults describe as upstream does, else with them.

    Raises:
        OSError: It cannot be written.
    """
    constructor: NetConstructor | None = getattr(network, "constructor", None)
    if constructor is not None and constructor.kwargs:
        save_checkpoint(path, network_fields(network))
        return
    with atomic_write(path) as stream:
        torch.save({key: value.cpu() for key, value in network.state_dict().items()}, stream)


def train(task: Task, pool: deque[Transition], names: Collection[str]) -> Iterator[nn.Module]:
    """Play and learn.

    Args:
        task: The host and the settings.
        pool: The buffer; new transitions displace the oldest.
        names: The videos that are played.

    Yields:
        The agent's network after every epoch.

    Raises:
        DataError: Files are missing or damaged, or windows differ in length.
    """
    settings, device = task.settings, task.device
    rules = settings.agent
    videos = [video for name, video in training_videos(settings).items() if name in names]
    table, host = reward_table(settings), task.create_host()
    torch.manual_seed(settings.seed)
    width = (
        {} if rules.hidden == RecommendationSettings().agent.hidden else {"hidden": rules.hidden}
    )
    network = agent_network(**width).to(device)
    generator = random.Random(settings.seed)
    rates = rules.eps_start, rules.eps_end, rules.eps_decay
    explorer = ExploringAgent(AgentFrame(network), generator, rates)
    learner = AgentLearner(
        network,
        LearningRules(rules.gamma, rules.lr, rules.weight_decay, rules.update_rate),
        np.random.RandomState(settings.seed),
    )
    snapshot: list[Transition] = []
    total = rules.train_epochs * len(videos) * NUM_SCRIBBLES
    with FrameProgress("training", total, task.quiet, unit="episodes") as progress:
        for epoch in range(rules.train_epochs):
            for video, number in product(videos, range(1, NUM_SCRIBBLES + 1)):
                episode = epoch * NUM_SCRIBBLES + number
                if number == 1:  # the videos were chosen once, from the first experience
                    snapshot = [row for row in pool if row.sequence in names]
                pool.extend(play_episode(host, video, episode, explorer, table, settings))
                losses = _learn(learner, snapshot, generator, rules.train_batch_size, rules.updates)
                _LOG.info("%s %d: loss %.4f", video.name, episode, np.mean(losses))
                progress.advance()
            yield network


def _first_experience(
    settings: RecommendationSettings,
) -> tuple[deque[Transition], set[str]]:
    """The buffer at the start, as large as the experience worth learning from, and its videos.

    Raises:
        DataError: The table is missing or damaged, or annotation changes nothing on any video.
    """
    agent, path = settings.agent, settings.tables / settings.agent.pretrain_csv
    if not path.is_file():
        raise DataError(f"{path} does not exist: run scripts/interactive/pretrain_agent.py first")
    rows = read_experience(path, agent.memory_size)
    kept = worth_learning(rows, agent.sample_th)
    if not kept:
        raise DataError(
            f"{path}: on no video does quality change by more than agent.sample_th="
            f"{agent.sample_th}"
        )
    first = rows if agent.unfiltered_buffer else kept
    return deque(first[: len(kept)], maxlen=len(kept)), {row.sequence for row in kept}


def _learn(
    learner: AgentLearner,
    rows: Sequence[Transition],
    generator: random.Random,
    batch_size: int,
    updates: int,
) -> list[float]:
    """Go through the rows in random order, batch by batch, at most ``updates`` times."""
    order = list(rows)
    generator.shuffle(order)
    starts = range(0, len(order), batch_size)
    device = next(learner.policy.parameters()).device
    batches = [order[start : start + batch_size] for start in starts][:updates]
    return [learner.update(make_batch(batch).to(device)) for batch in batches]
