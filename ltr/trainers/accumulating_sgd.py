"""Stochastic gradient descent whose gradients are never set to zero."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch


class AccumulatingSGD(torch.optim.SGD):
    """SGD by the rule of a released program, which forgot to clear its gradients.

    A gradient is added to what is stored of earlier ones, the sum is clamped, and the weights'
    share is added to the stored sum, so that it counts in all later steps, too. The stored sums
    are part of the optimiser's state.

    Args:
        params: Parameters, or groups of them.
        lr: Learning rate.
        momentum: Momentum of the steps.
        weight_decay: Share of the weights that is added to the stored sums.
        limit: Largest absolute value of a stored sum before the weights' share is added.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        limit: float = 1.0,
    ) -> None:
        super().__init__(params, lr, momentum)
        self.share = weight_decay
        self.limit = limit

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override] # PyTorch has two overloads
        """Add to the stored gradients, and step along them."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                stored = state.setdefault("stored_gradient", torch.zeros_like(parameter))
                stored.add_(parameter.grad).clamp_(-self.limit, self.limit)
                stored.add_(parameter, alpha=self.share)
                parameter.grad.copy_(stored)
        super().step()
        return loss
