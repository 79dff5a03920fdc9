"""Steps of the agent as the trainer takes them, with the gradients kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric

from ltr.actors.recommendation import AgentActor
from ltr.models.interactive.agent import AgentNet, AgentPair
from ltr.train_settings.interactive.agent import RECIPE
from ltr.trainers.optimizer import make_optimizer
from ltr.trainers.step import TrainStep

Batch = dict[str, torch.Tensor]


class AgentLearner:
    """Takes steps on given batches.

    Args:
        policy: The agent.
        target: Values next states.
        lr: Learning rate.
        update_rate: Probability that the target becomes a copy before a step.
    """

    def __init__(
        self,
        policy: AgentNet,
        target: AgentNet,
        lr: float = RECIPE.learning_rates["policy"],
        update_rate: float = 0.0,
    ) -> None:
        self.pair = AgentPair(1)
        self.pair.policy, self.pair.target = policy, target.requires_grad_(False)
        self.gradients: dict[str, torch.Tensor] = {}
        optimizer = make_optimizer(
            self.pair,
            {"policy": lr},
            weight_decay=RECIPE.weight_decay,
            fused=RECIPE.fused_optimizer,
        )
        optimizer.register_step_pre_hook(self._keep_gradients)
        fabric = Fabric(accelerator="cpu", devices=1)
        self.actor = AgentActor(self.pair, RECIPE.discount, update_rate)
        self.actor.network, wrapped = fabric.setup(self.pair, optimizer)
        limit = RECIPE.max_gradient_value
        self._step = TrainStep(fabric, self.actor, wrapped, max_gradient_value=limit)
        self._count = 0

    def loss(self, batch: Batch) -> torch.Tensor:
        """The loss before any step."""
        return self.actor({**batch, "step": 0})[0]

    def update(self, batch: Batch) -> float:
        """Take one step; the loss before it."""
        sizes = np.array([[len(batch["actions"])]])
        result = self._step.train([{**batch, "step": self._count}], sizes, False)
        self._count += 1
        return result.stats["Loss/total"]

    def _keep_gradients(self, *_: Any) -> None:
        self.gradients = {
            key: value.grad.clone() for key, value in self.pair.policy.named_parameters()
        }
