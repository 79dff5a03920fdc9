"""One optimiser step, the same for any number of processes and microbatches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from ltr.actors.base import Actor, Stats

if TYPE_CHECKING:
    from lightning.fabric import Fabric
    from lightning.fabric.wrappers import _FabricModule


@dataclass(frozen=True)
class StepResult:
    """Statistics and flags of one batch, equal in all processes.

    Args:
        stats: Means over the whole batch, in the actor's order.
        is_finite: Whether loss and gradients were finite in every process.
        should_stop: Whether any process was asked to stop.
    """

    stats: dict[str, float]
    is_finite: bool
    should_stop: bool


def mean_of(results: Sequence[StepResult]) -> StepResult:
    """Several steps on one batch as one."""
    stats = {
        name: sum(result.stats[name] for result in results) / len(results)
        for name in results[0].stats
    }
    return StepResult(
        stats,
        is_finite=all(result.is_finite for result in results),
        should_stop=any(result.should_stop for result in results),
    )


class TrainStep:
    """Applies an actor and an optimiser to batches.

    Args:
        fabric: Devices, precision and processes.
        actor: Computes losses; its network is already wrapped by Fabric.
        optimizer: Optimiser of the network, already wrapped by Fabric.
        max_gradient_norm: Longer gradients are shortened; None leaves them.
        max_gradient_value: Every part of a gradient is kept between minus this and this; None
            leaves them.
    """

    def __init__(
        self,
        fabric: Fabric,
        actor: Actor,
        optimizer: torch.optim.Optimizer,
        max_gradient_norm: float | None = None,
        max_gradient_value: float | None = None,
    ) -> None:
        self.fabric = fabric
        self.actor = actor
        self.optimizer = optimizer
        self.max_gradient_norm = max_gradient_norm
        self.max_gradient_value = max_gradient_value
        # A gradient scaler skips steps with infinite gradients itself; they are not a failure then.
        self.has_scaler = getattr(fabric.strategy.precision, "scaler", None) is not None

    def train(
        self, microbatches: Sequence[Mapping[str, Any]], sizes: np.ndarray, stop_requested: bool
    ) -> StepResult:
        """Take one step; parameters stay as they are when something is not finite.

        Args:
            microbatches: The batches of this process, on its device.
            sizes: Samples of every microbatch, (processes, microbatches).
            stop_requested: Whether this process was asked to stop.
        """
        results = []
        for index, microbatch in enumerate(microbatches):
            waits = self.fabric.world_size > 1 and index < len(microbatches) - 1
            # The trainer gave the actor the wrapped network.
            network = cast("_FabricModule", self.actor.network)
            with self.fabric.no_backward_sync(network, enabled=waits):
                loss, stats = self.actor(microbatch)
                self.fabric.backward(loss * self._weight(sizes, index))
            results.append((loss.detach(), stats))
        norm = self.fabric.clip_gradients(
            self.actor.network,
            self.optimizer,
            max_norm=self.max_gradient_norm or math.inf,
            error_if_nonfinite=False,
        )
        if self.max_gradient_value is not None:
            self.fabric.clip_gradients(
                self.actor.network, self.optimizer, clip_val=self.max_gradient_value
            )
        checked = [loss for loss, _ in results]
        if norm is not None and not self.has_scaler:
            checked.append(norm)
        result = self._agree(results, checked, sizes, stop_requested)
        learns = self.actor.steps_without_gradient or norm is None or bool(norm)
        if result.is_finite and learns:
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return result

    @torch.no_grad()
    def evaluate(
        self, microbatches: Sequence[Mapping[str, Any]], sizes: np.ndarray, stop_requested: bool
    ) -> StepResult:
        """Compute the losses only; arguments as for ``train``."""
        results = [self.actor(microbatch) for microbatch in microbatches]
        return self._agree(results, [loss for loss, _ in results], sizes, stop_requested)

    def _weight(self, sizes: np.ndarray, index: int) -> float:
        """Factor that makes the processes' mean gradient that of the mean over the whole batch."""
        own = slice(None) if self.actor.sees_whole_batch else self.fabric.global_rank
        return float(self.fabric.world_size * sizes[own, index].sum() / sizes.sum())

    def _agree(
        self,
        results: Sequence[tuple[torch.Tensor, Stats]],
        checked: Sequence[torch.Tensor],
        sizes: np.ndarray,
        stop_requested: bool,
    ) -> StepResult:
        """Let all processes know all flags and means, with one synchronisation."""
        device = checked[0].device
        shares = sizes[self.fabric.global_rank] / sizes.sum()
        names = list(results[0][1])
        means = torch.zeros(len(names), device=device)
        for share, (_, stats) in zip(shares, results, strict=True):
            means += float(share) * torch.stack([stats[name].detach().float() for name in names])
        is_bad = ~torch.stack([value.float() for value in checked]).isfinite().all()
        flags = torch.stack([is_bad.float(), torch.tensor(float(stop_requested), device=device)])
        reduced = self.fabric.all_reduce(torch.cat([flags, means]), reduce_op="sum")
        assert isinstance(reduced, torch.Tensor)  # what goes in as a tensor comes out as one
        values = reduced.tolist()
        return StepResult(
            dict(zip(names, values[2:], strict=True)),
            is_finite=values[0] == 0,
            should_stop=values[1] > 0,
        )
