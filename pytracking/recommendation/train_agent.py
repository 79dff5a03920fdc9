"""Train the agent: it plays the training samples and learns from a buffer of experience.

Reads reward.csv and pretrain.csv, writes memory_pool.csv and agent.pt. A stopped run resumes from
its newest checkpoint; ``--overwrite`` starts anew.

Example:
    python scripts/interactive/train_agent.py
    python scripts/interactive/train_agent.py joint joint_demo with agent.train_epochs=2
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from ltr.admin.cli import command
from ltr.admin.config import select_fields
from ltr.admin.environment import TrainEnvironment
from ltr.dataset.experience import NUM_SCRIBBLES, Transition, read_experience, write_experience
from ltr.dataset.interactive.experience_samples import ExperienceSamples, first_experience
from ltr.models.interactive.agent import AgentNet, AgentPair, agent_network
from ltr.train_settings.assembly import SampleSets
from ltr.train_settings.interactive.recommendation_assembly import AgentAssembly
from ltr.train_settings.interactive.recommendation_recipe import AgentRecipe, AgentRows
from pytracking.evaluation.interactive.videos import InteractiveVideo
from pytracking.recommendation.command import Task, parse_task
from pytracking.recommendation.config import RecommendationSettings
from pytracking.recommendation.episodes import ExploringAgent
from pytracking.recommendation.tables import play_episode, reward_table, training_videos
from pytracking.recommendation.training import save_network, train_network
from pytracking.tracker.interactive.recommend import AgentFrame
from pytracking.utils.staging import translate_write_errors

_MEMORY = "memory_pool.csv"


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write ``agent.pt`` and ``memory_pool.csv``."""
    task = parse_task(__doc__, argv, RecommendationSettings(seed=2019))
    file, assemblies = task.settings.agent_file, []

    def assemble(recipe: AgentRecipe, environment: TrainEnvironment) -> AgentAssembly:
        assemblies.append(_PlayingAssembly(recipe, environment, task))
        return assemblies[-1]

    pair = train_network(task, "agent", file, recipe_of(task), assemble)
    assemblies[-1].finish()
    assert isinstance(pair, AgentPair)  # as the assembly built it
    hidden = task.settings.agent.hidden
    agent = agent_network() if hidden == AgentRecipe.hidden else agent_network(hidden=hidden)
    agent.load_state_dict(pair.policy.state_dict())
    save_network(file, agent)
    print(f"Agent: {file}")
    return 0


def recipe_of(task: Task) -> AgentRecipe:
    """The recipe that upstream's keys describe; an epoch is what is learned after one episode."""
    rules, settings = task.settings.agent, task.settings
    table = settings.tables / rules.pretrain_csv
    _, names = first_experience(table, rules.memory_size, rules.sample_th, rules.unfiltered_buffer)
    num_videos = len(names.intersection(training_videos(settings)))
    return AgentRecipe(
        description="IVOS-W agent",
        experience=str(table),
        discount=rules.gamma,
        max_epochs=rules.train_epochs * num_videos * NUM_SCRIBBLES,
        samples_per_epoch=rules.updates * rules.train_batch_size,
        batch_size=rules.train_batch_size,
        learning_rates={"policy": rules.lr},
        seed=settings.seed,
        **select_fields(AgentRows, rules),
    )


class _PlayingAssembly(AgentAssembly):
    """Lets the agent play an episode before every epoch."""

    def __init__(self, recipe: AgentRecipe, environment: TrainEnvironment, task: Task) -> None:
        super().__init__(recipe, environment)
        self._task = task
        self._pair: AgentPair | None = None
        self._samples: PlayedExperience | None = None

    def network(self) -> AgentPair:
        """See ``AgentAssembly``; the agent that learns is the one that plays."""
        self._pair = super().network()
        return self._pair

    def datasets(self) -> SampleSets:
        """The experience, which grows while it is learned from."""
        assert self._pair is not None  # the network is built first
        rows, names = self.experience()
        length = self.samples_per_epoch(rows)
        self._samples = PlayedExperience(self._task, self._pair.policy, rows, names, length)
        return self._samples, None

    def finish(self) -> None:
        """Write the experience at the end."""
        if self._samples is not None:
            self._samples.finish()


class PlayedExperience(ExperienceSamples):
    """Experience that an episode adds to before every epoch; it displaces the oldest rows.

    Args:
        task: The host and the settings.
        policy: The agent that learns.
        rows: The experience at the start, as many rows as are kept.
        names: The videos that are played and learned from.
        samples_per_epoch: Length of an epoch.
    """

    def __init__(
        self,
        task: Task,
        policy: AgentNet,
        rows: Sequence[Transition],
        names: set[str],
        samples_per_epoch: int,
    ) -> None:
        super().__init__([row for row in rows if row.sequence in names], samples_per_epoch)
        self._task = task
        self._policy = policy
        self._size = len(rows)
        self._names = names
        self._pool = list(rows)
        self._has_begun = False
        videos = [v for name, v in training_videos(task.settings).items() if name in names]
        self._episodes = list(product(videos, range(1, NUM_SCRIBBLES + 1)))
        self._table, self._host = reward_table(task.settings), task.create_host()

    def begin_epoch(self, epoch: int, first_sample: int) -> None:
        """Play the next episode, unless the run that is resumed has played it already.

        ``rows`` stay those of the first episode of a video. The pool, and so ``memory_pool.csv``,
        keeps them in front of what was played since, for a run that resumes between two episodes.
        """
        cycle, place = divmod(epoch - 1, len(self._episodes))
        video, number = self._episodes[place]
        episode, is_played = cycle * NUM_SCRIBBLES + number, False
        if not self._has_begun and (epoch > 1 or first_sample):
            self._pool = read_experience(self._path)
            newest = self._pool[-1]
            is_played = (newest.sequence, newest.scribble_iter) == (video.name, episode)
        self._has_begun = True
        if number == 1 and not is_played:
            self._pool = self._pool[-self._size :]
        self.rows = [row for row in self._pool[: self._size] if row.sequence in self._names]
        if not is_played:
            self._pool += self._play(video, episode, epoch)
            self._save()

    def finish(self) -> None:
        """Write the experience as it is at the end.

        Raises:
            OutputError: It cannot be written.
        """
        if self._has_begun:
            self._pool = self._pool[-self._size :]
            self._save()

    def _play(self, video: InteractiveVideo, episode: int, epoch: int) -> list[Transition]:
        settings = self._task.settings
        rates = settings.agent.eps_start, settings.agent.eps_end, settings.agent.eps_decay
        explorer = ExploringAgent(
            AgentFrame(self._policy),
            random.Random(f"{settings.seed} {epoch}"),
            rates,
            (epoch - 1) * settings.davis_interactive.max_nb_interactions,
        )
        return play_episode(self._host, video, episode, explorer, self._table, settings)

    @property
    def _path(self) -> Path:
        return self._task.settings.tables / _MEMORY

    def _save(self) -> None:
        with translate_write_errors(self._path):
            write_experience(self._path, self._pool)
