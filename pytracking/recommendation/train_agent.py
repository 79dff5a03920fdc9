"""Train the agent: it plays the training samples and learns from a buffer of experience.

Reads reward.csv and pretrain.csv, writes memory_pool.csv and agent.pt. A stopped run resumes from
its newest checkpoint; ``--overwrite`` starts anew.

Example:
    python scripts/interactive/train_agent.py
    python scripts/interactive/train_agent.py joint joint_demo with agent.train_epochs=2
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from itertools import product

from ltr.admin.cli import command
from ltr.admin.environment import TrainEnvironment
from ltr.dataset.experience import NUM_SCRIBBLES, Transition, read_experience, write_experience
from ltr.dataset.interactive.experience_samples import ExperienceSamples, first_experience
from ltr.models.interactive.agent import AgentNet, AgentPair, agent_network
from ltr.train_settings.assembly import SampleSets
from ltr.train_settings.interactive.recommendation_assembly import AgentAssembly
from ltr.train_settings.interactive.recommendation_recipe import AgentRecipe
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
        memory_size=rules.memory_size,
        sample_th=rules.sample_th,
        unfiltered_buffer=rules.unfiltered_buffer,
        hidden=rules.hidden,
        discount=rules.gamma,
        update_rate=rules.update_rate,
        max_epochs=rules.train_epochs * num_videos * NUM_SCRIBBLES,
        samples_per_epoch=rules.updates * rules.train_batch_size,
        batch_size=rules.train_batch_size,
        learning_rates={"policy": rules.lr},
        weight_decay=rules.weight_decay,
        seed=settings.seed,
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
            self._samples.save()


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
        super().__init__((), samples_per_epoch)
        self._task = task
        self._policy = policy
        self._pool = deque(rows, maxlen=len(rows))
        self._names = names
        videos = [v for name, v in training_videos(task.settings).items() if name in names]
        self._episodes = list(product(videos, range(1, NUM_SCRIBBLES + 1)))
        self._table, self._host = reward_table(task.settings), task.create_host()

    def begin_epoch(self, epoch: int) -> None:
        """Play the next episode; a resumed run finds its experience in ``memory_pool.csv``."""
        settings = self._task.settings
        if epoch > 1 and not self.rows:
            self._pool.extend(read_experience(settings.tables / _MEMORY))
        self.save()
        cycle, place = divmod(epoch - 1, len(self._episodes))
        video, number = self._episodes[place]
        if number == 1 or not self.rows:
            self.rows = [row for row in self._pool if row.sequence in self._names]
        rates = settings.agent.eps_start, settings.agent.eps_end, settings.agent.eps_decay
        explorer = ExploringAgent(
            AgentFrame(self._policy),
            random.Random(f"{settings.seed} {epoch}"),
            rates,
            (epoch - 1) * settings.davis_interactive.max_nb_interactions,
        )
        episode = cycle * NUM_SCRIBBLES + number
        self._pool.extend(play_episode(self._host, video, episode, explorer, self._table, settings))

    def save(self) -> None:
        """Write the experience.

        Raises:
            OutputError: It cannot be written.
        """
        path = self._task.settings.tables / _MEMORY
        with translate_write_errors(path):
            write_experience(path, self._pool)
