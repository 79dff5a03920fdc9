"""What the trainer asks of an actor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

Stats = dict[str, torch.Tensor]


@dataclass(eq=False)
class Actor(ABC):
    """Turns a batch into a loss.

    Args:
        network: What is trained; the trainer replaces it by its wrapped form.
    """

    sees_whole_batch: ClassVar[bool] = False
    """Whether the loss is computed on the parts of all processes together (``gather_batch``)."""

    forward_methods: ClassVar[tuple[str, ...]] = ()
    """Methods of the network, besides ``forward``, that the actor calls."""

    steps_without_gradient: ClassVar[bool] = True
    """Whether a batch whose gradient is zero everywhere, of which nothing can be learned, takes a
    step all the same: its optimiser then decays weights and follows its momentum."""

    network: nn.Module

    @abstractmethod
    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """Compute the loss of a batch.

        Args:
            batch: Collated batch on the network's device, with ``epoch``, ``step`` and ``memory``,
                a dict that lasts for the rounds of the batch.

        Returns:
            The loss, a mean over the batch, and what is reported, by name and in this order.
        """

    def rounds(self, epoch: int) -> int:
        """Steps that are taken on every batch of an epoch, counted from 1."""
        return 1

    def score(self, epoch: int) -> dict[str, float]:
        """How good the network is after an epoch, by name; the largest decides ``checkpoint_best``.

        Args:
            epoch: Counted from 1.

        Returns:
            Scores, 0..1; none in most epochs, or where nothing is scored.
        """
        return {}

    def train(self, mode: bool = True) -> None:
        """Set the network to training or evaluation."""
        self.network.train(mode)
