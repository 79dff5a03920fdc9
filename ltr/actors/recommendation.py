"""How the recommendation agent learns: double DQN with a second target for the final score.

IVOS-W, arXiv 2103.10391, section 3.3, as the authors' program has it: both targets are for the same
value, every transition counts as if the episode continued.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ltr.admin.errors import DataError
from ltr.dataset.experience import Transition

_REWARD_SCALE = 0.1
_GRADIENT_LIMIT = 1.0


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


class TransitionBatch(NamedTuple):
    """Transitions of videos of one length.

    Args:
        states: float32 (batch, frames, 2), quality and number of annotations.
        actions: int64 (batch,).
        next_states: Like ``states``.
        step_rewards: float32 (batch,).
        done_rewards: float32 (batch,).
    """

    states: torch.Tensor
    actions: torch.Tensor
    next_states: torch.Tensor
    step_rewards: torch.Tensor
    done_rewards: torch.Tensor

    def to(self, device: torch.device) -> TransitionBatch:
        """The same batch on another device."""
        return TransitionBatch(*(tensor.to(device) for tensor in self))


def make_batch(rows: Sequence[Transition]) -> TransitionBatch:
    """Stack transitions.

    Raises:
        DataError: Their videos differ in length.
    """
    lengths = {len(row.state_iou) for row in rows}
    if len(lengths) > 1:
        raise DataError(
            f"transitions of windows of {sorted(lengths)} frames cannot form a batch: choose a "
            "data.len_subseq that all videos have"
        )
    states = [np.stack([row.state_iou, row.annotated_frames], axis=-1) for row in rows]
    after = [np.stack([row.next_state_iou, row.next_annotated_frames], axis=-1) for row in rows]
    return TransitionBatch(
        torch.from_numpy(np.stack(states)).float(),
        torch.tensor([row.action for row in rows]),
        torch.from_numpy(np.stack(after)).float(),
        torch.tensor([row.reward_step for row in rows], dtype=torch.float32),
        torch.tensor([row.reward_done for row in rows], dtype=torch.float32),
    )


@dataclass(frozen=True)
class LearningRules:
    """How values are updated.

    Args:
        gamma: Weight of the next state's value.
        lr: Learning rate of Adam.
        weight_decay: L2 penalty.
        update_rate: Probability that after an update the target network becomes a copy.
    """

    gamma: float = 0.95
    lr: float = 5e-6
    weight_decay: float = 5e-4
    update_rate: float = 0.05


def _squared_error(values: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Computed in the type of the targets; PyTorch before 2.9 mixes none itself."""
    return F.mse_loss(values.to(targets.dtype), targets)


class AgentLearner:
    """Updates a policy network from experience.

    Args:
        policy: (batch, frames, 2) -> (batch, frames).
        rules: See ``LearningRules``.
        rng: Decides when the target network is copied.
        target: The network that values next states; by default a copy of the policy.
    """

    def __init__(
        self,
        policy: nn.Module,
        rules: LearningRules,
        rng: np.random.RandomState,
        target: nn.Module | None = None,
    ) -> None:
        self.policy = policy
        self.target = copy.deepcopy(policy) if target is None else target
        self.rules = rules
        self._rng = rng
        self._optimizer = torch.optim.Adam(
            policy.parameters(), lr=rules.lr, weight_decay=rules.weight_decay
        )

    def loss(self, batch: TransitionBatch) -> torch.Tensor:
        """The sum of both squared errors, a scalar."""
        values = _of_actions(self.policy(batch.states), batch.actions)
        to_come = self._value_of_next(batch.next_states)
        step = self.rules.gamma * to_come + _REWARD_SCALE * batch.step_rewards
        done = _REWARD_SCALE * batch.done_rewards
        return _squared_error(values, step) + _squared_error(values, done)

    def update(self, batch: TransitionBatch) -> float:
        """Make one step.

        Returns:
            The loss before it.
        """
        loss = self.loss(batch)
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(self.policy.parameters(), _GRADIENT_LIMIT)
        self._optimizer.step()
        if self._rng.random_sample() < self.rules.update_rate:
            self.target.load_state_dict(self.policy.state_dict())
        return loss.item()

    @torch.no_grad()
    def _value_of_next(self, next_states: torch.Tensor) -> torch.Tensor:
        """The policy chooses the frame, the target network values it."""
        chosen = self.policy(next_states).argmax(dim=1)
        return _of_actions(self.target(next_states), chosen)


def _of_actions(values: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
    return values.gather(1, actions[:, None])[:, 0]
