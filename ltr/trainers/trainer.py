"""The training loop."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ltr.actors.base import Actor
from ltr.admin.checkpoint import Checkpoint, network_fields
from ltr.admin.loading import load_state
from ltr.admin.reporters.base import BatchReport, EpochReport, Reporter
from ltr.admin.stats import Meters
from ltr.data.loader import LTRLoader
from ltr.data.randomness import seed_global
from ltr.trainers.moving_average import MovingAverage
from ltr.trainers.nonfinite import NonFiniteError
from ltr.trainers.resuming import (
    FORMAT,
    Position,
    SampleOrder,
    changed_rows,
    check_format,
    check_order,
    one_sentence,
    read_position,
    restore_meters,
    restore_optimizer,
)
from ltr.trainers.run_folder import RunFolder
from ltr.trainers.schedule import Warmup
from ltr.trainers.signals import StopRequest, TrainingStopped
from ltr.trainers.step import StepResult, TrainStep, mean_of
from ltr.trainers.throughput import Throughput

if TYPE_CHECKING:
    from lightning.fabric import Fabric

_LOG = logging.getLogger(__name__)


class LTRTrainer:
    """Runs loaders through an actor, epoch by epoch, and can resume where it was stopped.

    All random numbers of a step are seeded by the run's seed and the step, those of a sample by
    its place in the epoch. So weights, optimiser and position are the whole state of a run.

    Args:
        fabric: Devices, precision and processes.
        actor: Computes the losses; its network is wrapped here.
        loaders: Loaders in the order in which an epoch runs them; one of them trains.
        optimizer: Optimiser of the actor's network.
        schedule: Factor of the learning rates in an epoch, the first being 1.
        warmup: A second factor, after so many steps of the run.
        step_factors: A third factor for each parameter group, after so many steps; None for none.
        folder: Folder of the checkpoints.
        reporters: Receive the statistics of batches and epochs; empty in all processes but the
            first.
        settings: Plain values to be stored in the checkpoints.
        seed: Seed of the run.
        max_gradient_norm: Longer gradients are shortened; None leaves them.
        max_gradient_value: Larger parts of a gradient are cut; None leaves them.
        average_decay: See ``MovingAverage``; None stores the weights as they are.
        checkpoint_interval: Also write a checkpoint every so many steps, 0 only after epochs.
        keep_checkpoints: See ``RunFolder.save``.
    """

    def __init__(
        self,
        fabric: Fabric,
        actor: Actor,
        loaders: Sequence[LTRLoader],
        optimizer: torch.optim.Optimizer,
        schedule: Callable[[int], float],
        folder: RunFolder,
        reporters: Sequence[Reporter] = (),
        *,
        settings: Mapping[str, Any] | None = None,
        seed: int = 0,
        warmup: Callable[[int], float] | None = None,
        step_factors: Callable[[int], Sequence[float]] | None = None,
        max_gradient_norm: float | None = None,
        max_gradient_value: float | None = None,
        average_decay: float | None = None,
        checkpoint_interval: int = 0,
        keep_checkpoints: int = 0,
    ) -> None:
        self.fabric = fabric
        self.actor = actor
        self.loaders = loaders
        self.schedule = schedule
        self.warmup = warmup or Warmup()
        self.step_factors = step_factors
        self.folder = folder
        self.reporters = reporters
        self.settings = dict(settings or {})
        self.seed = seed
        self.checkpoint_interval = checkpoint_interval
        self.keep_checkpoints = keep_checkpoints
        self.position = Position()
        self._training = next(loader for loader in loaders if loader.training)
        self._order = SampleOrder.of(self._training)
        self.meters = {loader.name: Meters() for loader in loaders}
        self._base_rates = [group["lr"] for group in optimizer.param_groups]
        self._network = actor.network
        wrapped, self._optimizer = fabric.setup(actor.network, optimizer)
        for method in actor.forward_methods:
            wrapped.mark_forward_method(method)
        actor.network = wrapped
        self._train_step = TrainStep(
            fabric, actor, self._optimizer, max_gradient_norm, max_gradient_value
        )
        self._average = MovingAverage(self._network, average_decay) if average_decay else None
        self._stop = StopRequest()
        self._known_failures: set[str] = set()
        self._num_failures = 0

    def train(self, max_epochs: int, max_steps: int | None = None) -> None:
        """Train until the run has done ``max_epochs`` epochs, or ``max_steps`` steps.

        Raises:
            TrainingStopped: A signal came; the step was finished and a checkpoint written.
            NonFiniteError: Step and batch are named and saved.
        """
        with StopRequest() as self._stop:
            try:
                while self.position.epoch < max_epochs and self._run_epoch(max_epochs, max_steps):
                    pass
            finally:
                for reporter in self.reporters:
                    reporter.close()

    def _run_epoch(self, max_epochs: int, max_steps: int | None) -> bool:
        """Run all loaders that are due; False when the run ended before the epoch did."""
        epoch, started = self.position.epoch + 1, time.monotonic()
        for loader in self.loaders:
            if loader.is_due(epoch) and not self._cycle(loader, epoch, max_steps):
                if self.position.batch:
                    self._save()
                return False
        self.position = Position(epoch, steps=self.position.steps, best=self.position.best)
        means = {name: meters.means() for name, meters in self.meters.items()}
        for meters in self.meters.values():
            meters.finish_epoch()
        if scores := self._score(epoch):
            means["score"] = scores
        self._save()
        self._report_epoch(max_epochs, means, time.monotonic() - started)
        return True

    def _score(self, epoch: int) -> dict[str, float]:
        """Let the first process score the network, and keep it if it is the best so far."""
        scores: dict[str, float] = {}
        if self.fabric.is_global_zero:
            self.actor.train(False)
            scores = self.actor.score(epoch)
        scores = self.fabric.broadcast(scores)
        if scores:
            score, before = max(scores.values()), self.position.best
            if before is None or score > before:
                self.position.best = score
                if self.fabric.is_global_zero:
                    self.folder.save_best(self._record())
        return scores

    def _cycle(self, loader: LTRLoader, epoch: int, max_steps: int | None) -> bool:
        """Run a loader once; False when the run must end first.

        Raises:
            TrainingStopped: A signal came.
        """
        self.actor.train(loader.training)
        first, sample = (self.position.batch, self.position.samples) if loader.training else (0, 0)
        batches, throughput = loader.batches(epoch, first, sample), Throughput()
        for batch in range(first, loader.distributed_sampler.num_batches):
            if loader.training and max_steps is not None and self.position.steps >= max_steps:
                return False
            microbatches = throughput.wait_for(batches)
            result = self._run_batch(loader, epoch, batch, microbatches)
            size = int(loader.distributed_sampler.sizes(batch).sum())
            throughput.finish(size)
            self.meters[loader.name].update(result.stats, size)
            self._report_batch(loader, epoch, batch, result, throughput)
            if result.should_stop:
                self._save()
                raise TrainingStopped(self._stop.signal or signal.SIGTERM)
            if self._is_checkpoint_due(loader):
                self._save()
        return True

    def _run_batch(
        self, loader: LTRLoader, epoch: int, batch: int, microbatches: list[dict[str, Any]]
    ) -> StepResult:
        """Learn from a batch, or evaluate it."""
        seed_global(self.seed, self.fabric.global_rank, self.position.steps, batch)
        self._note_failures(microbatches)
        sizes, stop_requested = (
            loader.distributed_sampler.sizes(batch),
            self._stop.signal is not None,
        )
        microbatches = self.fabric.to_device(
            [
                {**microbatch, "epoch": epoch, "step": self.position.steps}
                for microbatch in microbatches
            ]
        )
        self._set_learning_rates(epoch)
        result = self._run_rounds(loader, epoch, microbatches, sizes, stop_requested)
        if not result.is_finite:
            path = self.folder.path / self._name_of_failure(loader, epoch, batch)
            place = f"step {batch + 1} of epoch {epoch} of {loader.name}"
            raise NonFiniteError.saved(path, place, self._network, microbatches, result.stats)
        if loader.training:
            self.position.batch = batch + 1
            self.position.samples += int(sizes.sum())
            self.position.steps += 1
            if self._average is not None:
                self._average.update(self._network, self.position.steps)
        return result

    def _run_rounds(
        self,
        loader: LTRLoader,
        epoch: int,
        microbatches: Sequence[dict[str, Any]],
        sizes: np.ndarray,
        stop_requested: bool,
    ) -> StepResult:
        """Take as many steps on a batch as the actor wants; its notes last for the batch."""
        run = self._train_step.train if loader.training else self._train_step.evaluate
        noted = [{**microbatch, "memory": {}} for microbatch in microbatches]
        results: list[StepResult] = []
        for _ in range(self.actor.rounds(epoch)):
            results.append(run(noted, sizes, stop_requested))
            if not results[-1].is_finite:
                break
        return mean_of(results)

    def _name_of_failure(self, loader: LTRLoader, epoch: int, batch: int) -> str:
        process = f"_process{self.fabric.global_rank}" if self.fabric.world_size > 1 else ""
        return f"nonfinite_{loader.name}_ep{epoch:04d}_step{batch + 1:06d}{process}.pt"

    def restore(self, checkpoint: Checkpoint) -> None:
        """Resume from a checkpoint of this trainer, or of upstream's (after an epoch).

        A run resumes at the sample at which it stopped, with any size of batch. Changes of the
        recipe are logged.

        Raises:
            CheckpointError: It is damaged, of another network or optimiser, or stands within an
                epoch that had other samples.
        """
        fields, path = checkpoint.fields, checkpoint.path
        check_format(fields, path)
        self.position = read_position(fields, self._training.distributed_sampler.batch_size, path)
        stored = {} if checkpoint.is_upstream else fields.get("settings")
        changes = changed_rows(stored, self.settings)
        check_order(fields.get("order"), self._order, self.position, changes, path)
        load_state(self._network, fields.get("live_net", checkpoint.net), path)
        with one_sentence(path):
            if self._average is not None:
                self._average.restore(checkpoint.net)
            restore_optimizer(self._optimizer, fields["optimizer"])
            if not checkpoint.is_upstream:
                precision = dict(fields["precision"])
                if precision:
                    self.fabric.strategy.precision.load_state_dict(precision)
                restore_meters(self.meters, fields["stats"])
        _LOG.info("resuming from %s", path)
        if changes:
            _LOG.warning("the run resumes with another recipe: %s", "; ".join(changes))
        self._tell_processes(fields.get("order"))

    def _tell_processes(self, stored: object) -> None:
        before = stored.get("processes") if isinstance(stored, Mapping) else None
        if isinstance(before, int) and before != self.fabric.world_size:
            _LOG.warning(
                "the run had %d processes and now has %d: the samples are the same, sums are "
                "rounded differently",
                before,
                self.fabric.world_size,
            )

    def _set_learning_rates(self, epoch: int) -> None:
        steps, groups = self.position.steps, self._optimizer.param_groups
        factor = self.schedule(epoch) * self.warmup(steps)
        own = self.step_factors(steps) if self.step_factors else [1.0] * len(groups)
        for group, rate, part in zip(groups, self._base_rates, own, strict=True):
            group["lr"] = rate * factor * part

    def _is_checkpoint_due(self, loader: LTRLoader) -> bool:
        interval = self.checkpoint_interval
        return bool(loader.training and interval and self.position.steps % interval == 0)

    def _save(self) -> None:
        """Write a checkpoint of the present position."""
        if self.fabric.is_global_zero:
            self.folder.save(
                self._record(), self.position.epoch, self.position.batch, self.keep_checkpoints
            )

    def _record(self) -> dict[str, Any]:
        """The fields of a checkpoint."""
        return {
            **network_fields(self._network),
            **self._averaged_fields(),
            "epoch": self.position.epoch,
            "position": asdict(self.position),
            "actor_type": type(self.actor).__name__,
            "optimizer": self._optimizer.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),
            "stats": {name: meters.state() for name, meters in self.meters.items()},
            "settings": self.settings,
            "order": asdict(self._order),
            "format": FORMAT,
        }

    def _averaged_fields(self) -> dict[str, Any]:
        """The average in the place of the weights, and the weights themselves to resume from."""
        if self._average is None:
            return {}
        return {"net": self._average.state, "live_net": self._network.state_dict()}

    def _note_failures(self, microbatches: Sequence[Mapping[str, Any]]) -> None:
        """Log each reason why samples had to be replaced, once."""
        reasons = [
            reason
            for microbatch in microbatches
            for text in microbatch.get("failures", ())
            for reason in text.splitlines()
        ]
        self._num_failures += len(reasons)
        for reason in reasons:
            if reason not in self._known_failures:
                self._known_failures.add(reason)
                _LOG.warning("a sample was replaced: %s", reason)

    def _report_batch(
        self, loader: LTRLoader, epoch: int, batch: int, result: StepResult, throughput: Throughput
    ) -> None:
        report = BatchReport(
            loader=loader.name,
            epoch=epoch,
            batch=batch + 1,
            num_batches=loader.distributed_sampler.num_batches,
            steps=self.position.steps,
            stats=result.stats,
            means=self.meters[loader.name].means(),
            mean_fps=throughput.mean_fps,
            fps=throughput.fps,
            wait_s=throughput.wait_s,
            step_s=throughput.step_s,
        )
        for reporter in self.reporters:
            reporter.on_batch(report)

    def _report_epoch(
        self, max_epochs: int, means: dict[str, dict[str, float]], seconds: float
    ) -> None:
        report = EpochReport(
            epoch=self.position.epoch,
            max_epochs=max_epochs,
            means={name: values for name, values in means.items() if values},
            learning_rates=[group["lr"] for group in self._optimizer.param_groups],
            training=self._training.name,
            resampled=self._num_failures,
            seconds=seconds,
        )
        self._num_failures = 0
        for reporter in self.reporters:
            reporter.on_epoch(report)
