"""What every experiment states, as a table; a system's own recipe adds rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.admin.ranges import Count, CountOrZero, Inside, NotNegative, Positive, Ranged
from ltr.trainers.optimizer import OptimizerKind

RateSchedule = Literal["steps", "exponential", "cosine"]


@dataclass(frozen=True, kw_only=True)
class Recipe(Ranged):
    """Settings of a training run that do not depend on the system.

    Every row can be changed by ``--set row=value``.

    Args:
        description: What the experiment is, for the log.
        max_epochs: Length of the run.
        batch_size: Samples of one step, of all processes together.
        accumulation_steps: Microbatches into which each process splits its share of a batch, to
            save memory. A loss that is not a mean over samples sees one microbatch at a time.
        num_workers: Processes that load data, for each training process.
        samples_per_epoch: Training samples per epoch; None, where a system offers it, shows every
            sample once.
        validation_samples: Samples of one validation; 0 for none.
        validation_interval: Validate in every so many epochs.
        validation_offset: Epochs by which these are moved; with 1 the first epoch is one of them.
        optimizer: ``adam``, ``adamw``, ``sgd`` or ``accumulating_sgd`` (see ``AccumulatingSGD``).
        fused_optimizer: Update the weights of a group in one kernel, faster on CPUs; the last
            digits differ.
        learning_rates: Learning rate by module of the network; other modules must be frozen.
        lr_scale: Factor of all learning rates.
        weight_decay: Weight decay of all parameters.
        momentum: Momentum of ``sgd``.
        nesterov: Whether the momentum looks ahead.
        betas: Coefficients of ``adam`` and ``adamw``.
        bias_factor: Biases learn at this multiple of their module's rate, without weight decay;
            None treats them like weights.
        rate_schedule: ``steps`` (see ``milestones``); ``exponential``: times ``gamma`` after every
            epoch; or ``cosine``: towards 0 over the whole run.
        milestones: Epochs after which the learning rates are multiplied by ``gamma``.
        gamma: See ``milestones``.
        poly_modules: Modules of ``learning_rates`` whose rates also fall with every step, as
            (1 - step / (poly_steps + 1)) ** poly_power.
        poly_steps: See ``poly_modules``.
        poly_power: See ``poly_modules``.
        warmup_steps: The learning rates rise linearly in the first so many steps.
        warmup_start: Factor of the first of them.
        max_gradient_norm: Longer gradients are shortened to this norm; None leaves them.
        max_gradient_value: Every part of a gradient is cut to this value; None leaves them.
        average_decay: The network of the checkpoints is the moving average of the weights, of which
            a step keeps this share (0.999 averages about the last 1,000 steps); None stores the
            weights of the last step.
        init_checkpoint: Network to start from: a file, a folder, or a run below ``checkpoints``
            such as ``ltr/joint/joint_stage1``; None starts from random weights.
        init_epoch: Where ``init_checkpoint`` is a run, the epoch whose checkpoint is taken; None
            takes the newest.
        print_interval: Print every so many batches.
        print_stats: What is printed; None prints all.
        checkpoint_interval: Also write a checkpoint every so many steps; 0 only after epochs.
        keep_checkpoints: Only the newest so many are kept; 0 keeps all.
        seed: Seed of all random numbers of the run.
        deterministic: Use slower algorithms that give the same bits in every run on a GPU.
    """

    description: str = ""
    max_epochs: Count
    batch_size: Count
    accumulation_steps: Count = 1
    num_workers: CountOrZero = 8
    samples_per_epoch: Count | None
    validation_samples: CountOrZero = 0
    validation_interval: Count = 1
    validation_offset: CountOrZero = 0
    optimizer: OptimizerKind = "adam"
    fused_optimizer: bool = True
    learning_rates: Mapping[str, NotNegative]
    lr_scale: NotNegative = 1.0
    weight_decay: NotNegative = 0.0
    momentum: float = 0.9
    nesterov: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    bias_factor: float | None = None
    rate_schedule: RateSchedule = "steps"
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    poly_modules: tuple[str, ...] = ()
    poly_steps: int = 0
    poly_power: float = 0.9
    warmup_steps: CountOrZero = 0
    warmup_start: float = 1 / 3
    max_gradient_norm: Positive | None = None
    max_gradient_value: Positive | None = None
    average_decay: Inside | None = None
    init_checkpoint: str | None = None
    init_epoch: int | None = None
    print_interval: Count = 10
    print_stats: tuple[str, ...] | None = None
    checkpoint_interval: CountOrZero = 0
    keep_checkpoints: CountOrZero = 0
    seed: CountOrZero = 0
    deterministic: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.poly_modules:
            if name not in self.learning_rates:
                raise ConfigError(
                    f"poly_modules: learning_rates has no {name!r}"
                    f"{did_you_mean(name, self.learning_rates)}"
                )
