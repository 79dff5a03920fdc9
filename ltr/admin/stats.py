"""Means of what an actor reports, over an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class AverageMeter:
    """A running mean of one value, and its means of earlier epochs.

    Args:
        total: Sum of the values of this epoch, weighted.
        count: Sum of the weights.
        history: Means of finished epochs.
    """

    total: float = 0.0
    count: float = 0.0
    history: list[float] = field(default_factory=list)

    def update(self, value: float, weight: float = 1.0) -> None:
        """Add a value."""
        self.total += value * weight
        self.count += weight

    @property
    def mean(self) -> float:
        """Of this epoch so far, NaN without any value."""
        return self.total / self.count if self.count else float("nan")

    def finish_epoch(self) -> None:
        """Move the mean to the history."""
        if self.count:
            self.history.append(self.mean)
        self.total = self.count = 0.0


class Meters:
    """The meters of one loader, in the order in which the actor names them."""

    def __init__(self) -> None:
        self.by_name: dict[str, AverageMeter] = {}

    def update(self, values: Mapping[str, float], weight: float) -> None:
        """Add the values of one batch, weighted by its number of samples."""
        for name, value in values.items():
            self.by_name.setdefault(name, AverageMeter()).update(value, weight)

    def means(self) -> dict[str, float]:
        """The means of this epoch by name."""
        return {name: meter.mean for name, meter in self.by_name.items() if meter.count}

    def finish_epoch(self) -> None:
        """Move all means to their histories."""
        for meter in self.by_name.values():
            meter.finish_epoch()

    def check(self) -> None:
        """Make sure that the meters hold numbers.

        Raises:
            TypeError: One does not.
        """
        for name, meter in self.by_name.items():
            for value in (meter.total, meter.count, *meter.history):
                if not isinstance(value, int | float):
                    raise TypeError(f"the mean of {name!r} is a {type(value).__name__}")

    def state(self) -> dict[str, dict[str, Any]]:
        """Plain values for a checkpoint."""
        return {name: dict(vars(meter)) for name, meter in self.by_name.items()}

    @classmethod
    def restored(cls, state: Mapping[str, Mapping[str, Any]]) -> Meters:
        """The inverse of ``state``."""
        meters = cls()
        for name, values in state.items():
            meters.by_name[name] = AverageMeter(
                values["total"], values["count"], list(values["history"])
            )
        return meters
