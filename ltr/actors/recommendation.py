"""How agent and quality network learn; the agent by double DQN with a second target for the score.

IVOS-W, arXiv 2103.10391, section 3.3, as the authors' program has it: both targets are for the same
value, every transition counts as if the episode continued.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from ltr.actors.base import Actor, Stats
from ltr.models.interactive.agent import AgentPair
from ltr.models.interactive.measure_net import MeasureNet

_REWARD_SCALE = 0.1


def exploration_rate(
    decision: int, start: float = 0.7, end: float = 0.25, decay: float = 500
) -> float:
    """Probability of a random frame in training.

    Args:
        decision: Number of the decision, from 1.
        start: Close to the value of the first.
        end: Value of the last.
        decay: The larger, the slower; decisions.

    >>> round(exploration_rate(1), 6), round(exploration_rate(10**5), 6)
    (0.69955, 0.25)
    """
    return end + (start - end) * math.exp(-0.5 * decision / decay)


@dataclass(eq=False)
class AgentActor(Actor):
    """The loss of the agent.

    Args:
        network: An ``AgentPair``.
        discount: Weight of the next state's value.
        update_rate: Probability that the target network becomes a copy after a step.
        seed: Decides when it does.
        step_weight: Weight of the reward for frames annotated as rarely as any.
    """

    network: AgentPair
    discount: float = 0.95
    update_rate: float = 0.05
    seed: int = 0
    step_weight: float = 1.0

    def __post_init__(self) -> None:
        self._pair = self.network

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``; the batch is one of ``ExperienceSamples``.

        Returns:
            The loss; ``Loss/total``, and ``Stats/value``, the mean rating of the chosen frames.
        """
        step = batch["step"]
        if step and random.Random(f"{self.seed} {step}").random() < self.update_rate:
            self._pair.refresh_target()
        ratings, to_come = self.network(batch["states"], batch["next_states"])
        rewards = self.step_weight * batch["step_rewards"], batch["done_rewards"]
        loss = agent_loss(ratings, to_come, batch["actions"], rewards, self.discount)
        value = ratings.gather(1, batch["actions"][:, None]).mean()
        return loss, {"Loss/total": loss, "Stats/value": value}


def agent_loss(
    ratings: torch.Tensor,
    to_come: torch.Tensor,
    actions: torch.Tensor,
    rewards: tuple[torch.Tensor, torch.Tensor],
    discount: float,
) -> torch.Tensor:
    """The sum of both squared errors, a scalar.

    Args:
        ratings: (batch, frames) of the states.
        to_come: (batch,), value of the next states.
        actions: int64 (batch,), the chosen frames.
        rewards: (batch,) each, for the step and for the final score.
        discount: Weight of the next state's value.
    """
    values = ratings.gather(1, actions[:, None])[:, 0]
    step_rewards, done_rewards = rewards
    step = discount * to_come + _REWARD_SCALE * step_rewards
    return _squared_error(values, step) + _squared_error(values, _REWARD_SCALE * done_rewards)


def _squared_error(values: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Computed in the type of the targets; PyTorch before 2.9 mixes none itself."""
    return F.mse_loss(values.to(targets.dtype), targets)


class QualityActor(Actor):
    """The squared error of the quality network over the masks that show anything.

    A batch in which no mask does is left out: it takes no step.
    """

    steps_without_gradient = False

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``; the batch is one of ``QualityMasks``.

        Returns:
            The loss, 0 where no mask counts; ``Loss/total``.
        """
        found = self.network(batch["images"], batch["probabilities"])[:, 0]
        errors = (found - batch["quality"]) ** 2 * batch["counts"]
        loss = errors.sum() / batch["counts"].sum().clamp(min=1)
        return loss, {"Loss/total": loss}


@dataclass(eq=False)
class MeasureActor(Actor):
    """The squared error of a ``MeasureNet`` within each round.

    What makes one video better than another cannot be measured, so it hardly counts.

    Args:
        network: The network.
        level_weight: Weight of the whole squared error, which fixes the level.
    """

    network: MeasureNet
    level_weight: float = 0.05

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``; the batch is one of ``MeasuredClips``.

        Returns:
            The loss; ``Loss/total``, ``Loss/within`` and ``Loss/level``.
        """
        errors = self.network.judge(batch["measures"]) - batch["quality"]
        within = ((errors - errors.mean(dim=1, keepdim=True)) ** 2).mean()
        level = (errors**2).mean()
        loss = within + self.level_weight * level
        return loss, {"Loss/total": loss, "Loss/within": within, "Loss/level": level}
