"""What a checkpoint must hold to be resumed from, and whether the run is still the same one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

import torch

from ltr.admin.errors import CheckpointError, DataError
from ltr.admin.stats import Meters
from ltr.data.loader import LTRLoader
from ltr.data.randomness import Generators, SampleKey

FORMAT = 2
"""Number of the form of what is stored to resume; older ones are read."""
_PROBES = 8
_MAX_NUMBER = 1 << 53
# Rows of a recipe that change neither samples nor weights.
_FREE_ROWS = {
    "description",
    "max_epochs",
    "num_workers",
    "validation_samples",
    "validation_interval",
    "validation_offset",
    "validation_sets",
    "init_checkpoint",
    "init_epoch",
    "print_interval",
    "print_stats",
    "checkpoint_interval",
    "keep_checkpoints",
}


@dataclass
class Position:
    """How far a run is.

    Args:
        epoch: Finished epochs.
        batch: Training batches of the epoch that is running.
        steps: Optimiser steps of the whole run.
        samples: Training samples of the epoch that is running, over all processes.
        best: The best score so far, see ``Actor.score``; None while nothing was scored.
    """

    epoch: int = 0
    batch: int = 0
    steps: int = 0
    samples: int = 0
    best: float | None = None


@dataclass(frozen=True)
class SampleOrder:
    """Which samples an epoch has: a run that resumes within one needs the same.

    Args:
        length: Samples per epoch.
        fingerprint: Hash of what the first samples of an epoch are made of.
        processes: Number of processes that share the samples.
    """

    length: int
    fingerprint: str
    processes: int

    @classmethod
    def of(cls, loader: LTRLoader) -> SampleOrder:
        """The order of a loader's samples."""
        sampler = loader.distributed_sampler
        digest = hashlib.sha256()
        for index in range(min(_PROBES, sampler.length)):
            digest.update(f"{_source(loader, SampleKey(sampler.seed, 1, index))}\n".encode())
        return cls(sampler.length, digest.hexdigest()[:16], sampler.world_size)


def _source(loader: LTRLoader, key: SampleKey) -> str:
    samples = loader.samples
    try:
        return samples.source(samples.choose(key, 0, Generators.of_sample(key)))
    except DataError as error:  # it is drawn again in training
        return str(error)


@contextmanager
def one_sentence(path: Path) -> Iterator[None]:
    """Turn whatever damaged values of a checkpoint lead to into one sentence.

    Raises:
        CheckpointError: Something was wrong with a value.
    """
    try:
        yield
    except (LookupError, ValueError, TypeError, AttributeError, RuntimeError, ArithmeticError) as e:
        reason = f"{type(e).__name__}: {e}".splitlines()[0][:200]
        raise CheckpointError(
            f"{path} cannot be continued with this recipe ({reason}); its network alone is used "
            "with --no-resume --set init_checkpoint=PATH"
        ) from e


def check_format(values: Mapping[str, Any], path: Path) -> None:
    """Refuse a checkpoint of a later version.

    Raises:
        CheckpointError: It is one.
    """
    stored = values.get("format", 1)
    if not isinstance(stored, int) or stored > FORMAT:
        raise CheckpointError(
            f"{path} was written by a newer version of the toolkit (format {stored!r}, known is "
            f"{FORMAT}): update the toolkit"
        )


def read_position(values: Mapping[str, Any], batch_size: int, path: Path) -> Position:
    """The position that a checkpoint notes.

    Args:
        values: Fields of the checkpoint.
        batch_size: Batch size of this run, for files that counted batches only.
        path: The checkpoint.

    Raises:
        CheckpointError: It is damaged.
    """
    stored = values.get("position", {"epoch": values.get("epoch", 0)})
    names = {field.name for field in fields(Position)}
    if not isinstance(stored, Mapping) or not stored.keys() <= names:
        raise CheckpointError(f"{path}: the position of the run is damaged")
    for name, value in stored.items():
        is_score = name == "best" and (value is None or (type(value) is float and isfinite(value)))
        if not is_score and (type(value) is not int or not 0 <= value < _MAX_NUMBER):
            raise CheckpointError(f"{path}: the position of the run is damaged ({name})")
    position = Position(**stored)
    if "samples" not in stored:
        position.samples = position.batch * batch_size
    if (position.samples == 0) != (position.batch == 0):
        raise CheckpointError(f"{path}: the position of the run is damaged (samples)")
    return position


def changed_rows(stored: object, recipe: Mapping[str, Any]) -> list[str]:
    """Rows of a recipe that have changed since a checkpoint, each as a text.

    >>> changed_rows({"seed": 0, "max_epochs": 3}, {"seed": 7, "max_epochs": 4})
    ['seed was 0 and is 7']
    """
    if not isinstance(stored, Mapping):
        return []
    return [
        f"{name} was {stored[name]!r} and is {value!r}"[:200]
        for name, value in recipe.items()
        if name in stored and name not in _FREE_ROWS and not _are_equal(stored[name], value)
    ]


def _are_equal(first: object, second: object) -> bool:
    """Equality of plain values; a checkpoint may hold tuples where a recipe has lists."""
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        pairs = zip(first, second, strict=False)
        return len(first) == len(second) and all(_are_equal(a, b) for a, b in pairs)
    return bool(first == second)


def check_order(
    stored: object, present: SampleOrder, position: Position, changes: Sequence[str], path: Path
) -> None:
    """Refuse to resume within an epoch if its samples have changed.

    Args:
        stored: The order that the checkpoint notes; older ones note none.
        present: The order now.
        position: Where the run stands.
        changes: See ``changed_rows``.
        path: The checkpoint.

    Raises:
        CheckpointError: The run stands within an epoch, and its samples have changed.
    """
    if not position.samples:
        return
    if position.samples > present.length:
        kind = "fewer samples per epoch than before"
    elif isinstance(stored, Mapping) and any(
        stored.get(name) != asdict(present)[name] for name in ("length", "fingerprint")
    ):
        kind = "other samples"
    else:
        return
    reason = "; ".join(changes) or "the files of the data sets have changed"
    raise CheckpointError(
        f"{path} stands within epoch {position.epoch + 1}, which cannot be finished with {kind} "
        f"({reason}): resume it unchanged, or from the checkpoint after an epoch with --resume PATH"
    )


def restore_optimizer(optimizer: torch.optim.Optimizer, state: Any) -> None:
    """Load the state of an optimiser.

    Raises:
        Exception: It is damaged, or of another optimiser; see ``one_sentence``.
    """
    wanted = [set(group) for group in optimizer.param_groups]
    for group, present in zip(state["param_groups"], optimizer.param_groups, strict=True):
        for name, value in present.items():
            if name != "params" and type(group[name]) not in (type(value), int, float):
                raise ValueError(f"{name} of the optimiser is a {type(group[name]).__name__}")
    for values in state["state"].values():
        if any(isinstance(value, torch.Tensor) and value.is_complex() for value in values.values()):
            raise ValueError("the optimiser has complex values")
    optimizer.load_state_dict(state)
    if [set(group) for group in optimizer.param_groups] != wanted:
        raise ValueError("the optimiser has other settings")
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            _check_state(parameter, optimizer.state.get(parameter, {}))


def _check_state(parameter: torch.Tensor, state: Mapping[str, Any]) -> None:
    for name, value in state.items():
        is_number = isinstance(value, int | float)
        fits = isinstance(value, torch.Tensor) and value.shape in (parameter.shape, ())
        if not (is_number or value is None or fits):
            raise ValueError(f"{name} of the optimiser does not fit its weights")


def restore_meters(meters: dict[str, Meters], state: Any) -> None:
    """Fill the meters of the loaders that the run still has.

    Raises:
        Exception: A value is damaged; see ``one_sentence``.
    """
    for name in meters:
        if name in state:
            meters[name] = Meters.restored(state[name])
            meters[name].check()
