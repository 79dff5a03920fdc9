"""Learning-rate schedules: plain functions of the epoch, so a resumed run needs no state."""

from __future__ import annotations

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
