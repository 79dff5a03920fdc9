"""What the trainer reports to loggers, consoles and plots."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BatchReport:
    """One batch.

    Args:
        loader: Name of the loader.
        epoch: Counted from 1.
        batch: Batch of the epoch, counted from 1.
        num_batches: Number of batches per epoch.
        steps: Optimiser steps of the whole run.
        stats: Statistics of this batch by name, in the actor's order.
        means: Mean of each statistic over the epoch so far.
        mean_fps: Samples per second since the loader was started.
        fps: Samples per second in this batch.
        wait_s: Seconds spent waiting for the data.
        step_s: Seconds of the whole batch.
    """

    loader: str
    epoch: int
    batch: int
    num_batches: int
    steps: int
    stats: dict[str, float]
    means: dict[str, float]
    mean_fps: float
    fps: float
    wait_s: float
    step_s: float


@dataclass(frozen=True)
class EpochReport:
    """One finished epoch.

    Args:
        epoch: Counted from 1.
        max_epochs: Length of the run.
        means: Epoch means of the statistics, by name of the loader.
        learning_rates: Learning rate of each parameter group.
        training: Name of the loader that trains.
        resampled: Number of samples of the first process that failed and were replaced by others.
        seconds: Duration, since the last start of the program.
    """

    epoch: int
    max_epochs: int
    means: dict[str, dict[str, float]]
    learning_rates: list[float]
    training: str
    resampled: int
    seconds: float


class Reporter:
    """Ignores everything; subclasses do what they are for."""

    def on_batch(self, report: BatchReport) -> None:
        """A batch is done."""

    def on_epoch(self, report: EpochReport) -> None:
        """An epoch is done and its checkpoint written."""

    def close(self) -> None:
        """The run ends, for whatever reason."""
