"""The moving average of a network's weights, which is often better than any single step's."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

_EARLY_STEPS = 10


class MovingAverage:
    """An exponential moving average of weights and batch statistics.

    The first steps count more than ``decay`` says, so that the random start is soon forgotten.

    Args:
        network: The network in training; its weights are the first average.
        decay: Share of the average that a step keeps, 0..1.

    >>> network = nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.zeros_(network.weight)
    >>> average = MovingAverage(network, 0.5)
    >>> _ = nn.init.ones_(network.weight)
    >>> average.update(network, 100)
    >>> average.state["weight"].item()
    0.5
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {name: value.clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, steps: int) -> None:
        """Take in the network's present state.

        Args:
            network: The network in training, after the optimiser step.
            steps: Steps of the run, this one included.
        """
        decay = min(self.decay, steps / (_EARLY_STEPS + steps))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, 1 - decay)
            else:
                self.state[name].copy_(value)

    @torch.no_grad()
    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from a stored average of the same network.

        Raises:
            ValueError: It is of another one.
        """
        shapes = {name: value.shape for name, value in self.state.items()}
        if {name: value.shape for name, value in state.items()} != shapes:
            raise ValueError("the average is of another network")
        for name, value in state.items():
            self.state[name].copy_(value)
