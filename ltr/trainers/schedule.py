"""Learning-rate schedules: plain functions of epoch and step, so a resumed run needs no state."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class MultiStep:
    """Multiply the learning rates by ``gamma`` after each milestone.

    Args:
        milestones: Last epochs (counted from 1) at the rate before.
        gamma: Factor.

    >>> [MultiStep((40, 80), 0.5)(epoch) for epoch in (1, 40, 41, 81)]
    [1.0, 1.0, 0.5, 0.25]
    """

    milestones: tuple[int, ...]
    gamma: float

    def __call__(self, epoch: int) -> float:
        """The factor in an epoch, 1 being the first."""
        return self.gamma ** sum(milestone < epoch for milestone in self.milestones)


@dataclass(frozen=True)
class Cosine:
    """Let the learning rates fall along half a cosine, from 1 in the first epoch towards 0.

    Args:
        epochs: Length of the run.

    >>> [round(Cosine(4)(epoch), 3) for epoch in (1, 2, 3, 4, 5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    epochs: int

    def __call__(self, epoch: int) -> float:
        """The factor in an epoch, 1 being the first."""
        passed = min(epoch - 1, self.epochs) / self.epochs
        return (1 + math.cos(math.pi * passed)) / 2


@dataclass(frozen=True)
class Poly:
    """Factors of parameter groups that fall polynomially, step by step.

    Args:
        decays: Whether each group's rate falls; the others stay.
        steps: Steps until it is almost 0.
        power: Exponent of the share that is left.
    """

    decays: tuple[bool, ...]
    steps: int
    power: float

    def __call__(self, step: int) -> list[float]:
        """Factor of each group after ``step`` steps."""
        left = max(0.0, 1 - step / (self.steps + 1))
        return [left**self.power if decays else 1.0 for decays in self.decays]


@dataclass(frozen=True)
class Warmup:
    """Raise the learning rates linearly in the first steps.

    Args:
        steps: How many; 0 for none.
        start: Factor of the first one.

    >>> [Warmup(4, 0.2)(step) for step in (0, 1, 4, 9)]
    [0.2, 0.4, 1.0, 1.0]
    """

    steps: int = 0
    start: float = 1 / 3

    def __call__(self, step: int) -> float:
        """The factor after so many steps of the run."""
        if step >= self.steps:
            return 1.0
        return self.start + (1 - self.start) * step / self.steps
