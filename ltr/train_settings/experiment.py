"""From settings and a recipe to a running trainer; written once for all systems."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ltr.admin.checkpoint import find_checkpoint, read_checkpoint
from ltr.admin.config import describe, override, to_plain
from ltr.admin.distributed import launch_fabric, lock_for_all
from ltr.admin.environment import TrainEnvironment, train_environment
from ltr.admin.errors import CheckpointError
from ltr.admin.files import atomic_write
from ltr.admin.provenance import command_line, git_revision, versions
from ltr.admin.reporters.base import Reporter
from ltr.admin.reporters.console import Console
from ltr.admin.reporters.json_lines import JsonLines
from ltr.admin.reporters.tensorboard import TensorBoard
from ltr.admin.reporters.visdom import VisdomCurves
from ltr.admin.settings import Settings
from ltr.data.loader import LTRLoader
from ltr.train_settings.assembly import Assembly
from ltr.train_settings.recipe import Recipe
from ltr.trainers.optimizer import make_optimizer
from ltr.trainers.run_folder import RunFolder
from ltr.trainers.schedule import Cosine, MultiStep, Poly, Warmup
from ltr.trainers.trainer import LTRTrainer

if TYPE_CHECKING:
    from lightning.fabric import Fabric

_LOG = logging.getLogger(__name__)

AssemblyClass = Callable[[Any, TrainEnvironment], Assembly[Any]]
"""Makes an assembly from recipe and environment."""


def experiment(recipe: Recipe, assembly_class: AssemblyClass) -> Callable[[Settings], None]:
    """What ``run_training.py`` calls as a module's ``run(settings)``; see ``train``."""
    return partial(train, recipe=recipe, assembly_class=assembly_class)


def train(settings: Settings, recipe: Recipe, assembly_class: AssemblyClass) -> None:
    """Run an experiment, or resume it.

    Args:
        settings: Settings of the command line.
        recipe: Recipe of the experiment, before the changes of the command line.
        assembly_class: Builds the system's parts.

    Raises:
        ToolkitError: A setting, path, data set or checkpoint is wrong.
        LockedError: Another process trains in the folder of the run.
        TrainingStopped: A signal ended the run; a checkpoint was written.
        NonFiniteError: A loss or gradient is not finite; the batch was written.
    """
    recipe = override(recipe, settings.assignments)
    fabric = launch_fabric(settings.device, settings.precision)
    if not fabric.is_global_zero:
        logging.getLogger().setLevel(logging.WARNING)
    _set_backends(settings, recipe)
    assembly = assembly_class(recipe, train_environment(create=fabric.is_global_zero))
    workspace = _workspace(settings, assembly)
    folder, is_new = fabric.broadcast(_choose_folder(settings, workspace))
    with lock_for_all(fabric, folder.path, settings.wait and not is_new):
        _train_in(folder, settings, assembly, fabric)


def _train_in(
    folder: RunFolder,
    settings: Settings,
    assembly: Assembly[Any],
    fabric: Fabric,
) -> None:
    """Train in a folder that is locked, from its newest checkpoint or a new network."""
    recipe, workspace = assembly.recipe, _workspace(settings, assembly)
    start = settings.resume or (None if settings.fresh else folder.newest())
    torch.manual_seed(recipe.seed)
    network = assembly.network()
    if start is None:
        _initialise(network, assembly, workspace, folder)
    trainer = _make_trainer(settings, assembly, network, folder, fabric)
    if start is not None:
        trainer.restore(read_checkpoint(start))
    if fabric.is_global_zero:
        folder.prepare()
        _write_record(folder.path / "settings.json", settings, recipe)
        _LOG.info("%s\n\ndevice %s, folder %s", describe(recipe), fabric.device, folder.path)
    fabric.barrier()
    trainer.train(recipe.max_epochs, settings.max_steps)


def _workspace(settings: Settings, assembly: Assembly[Any]) -> Path:
    return settings.workspace or Path(assembly.environment.workspace_dir)


def _choose_folder(settings: Settings, workspace: Path) -> tuple[RunFolder, bool]:
    """The folder of this run, and whether it was chosen because no run has used it.

    A given checkpoint that is not the newest of the run starts a branch, in a folder of its own.
    """
    folder = RunFolder.choose(workspace, settings.project_path)
    newest = folder.newest()
    given = settings.resume
    if given is not None and not given.is_file():
        raise CheckpointError(f"--resume {given}: there is no such file")
    is_branch = given is not None and (newest is None or not given.samefile(newest))
    if settings.fresh or is_branch:
        return RunFolder.choose(workspace, settings.project_path, fresh=True), True
    return folder, False


def _initialise(
    network: nn.Module, assembly: Assembly[Any], workspace: Path, own: RunFolder
) -> None:
    """Fill a new network with the weights that the recipe starts from."""
    name = assembly.recipe.init_checkpoint
    if name is None:
        assembly.initialise(network)
        return
    path = Path(name)
    if not path.exists():
        path = RunFolder.choose(workspace, name, other_than=own.path).path
        if not path.is_dir():
            raise CheckpointError(
                f"init_checkpoint = {name}: neither a file nor a finished run below "
                f"{workspace / 'checkpoints'}: train that first, or give a file with "
                "--set init_checkpoint=PATH"
            )
    if path.is_dir():
        path = _checkpoint_of(path, assembly.recipe.init_epoch)
    assembly.load(network, path)
    _LOG.info("starting from %s", path)


def _checkpoint_of(run: Path, epoch: int | None) -> Path:
    """The checkpoint of a run after an epoch, or the newest.

    Raises:
        CheckpointError: There is none, or none of this epoch.
    """
    try:
        return find_checkpoint(run, epoch)
    except CheckpointError as error:
        if epoch is None:
            raise
        raise CheckpointError(
            f"init_epoch = {epoch}: {error}: finish that run, or take its newest checkpoint with "
            "--set init_epoch=none"
        ) from error


def _make_trainer(
    settings: Settings,
    assembly: Assembly[Any],
    network: nn.Module,
    folder: RunFolder,
    fabric: Fabric,
) -> LTRTrainer:
    recipe = assembly.recipe
    with fabric.rank_zero_first():  # the first process measures what the others read from a cache
        loaders = _make_loaders(assembly, fabric)
    optimizer = make_optimizer(
        network,
        {name: rate * recipe.lr_scale for name, rate in recipe.learning_rates.items()},
        recipe.optimizer,
        recipe.weight_decay,
        recipe.momentum,
        recipe.betas,
        recipe.bias_factor,
        recipe.nesterov,
        # A gradient scaler's gradients are shortened before the step.
        fused=recipe.fused_optimizer and settings.precision != "fp16",
    )
    return LTRTrainer(
        fabric,
        assembly.actor(network),
        loaders,
        optimizer,
        _make_schedule(recipe),
        folder,
        _make_reporters(settings, assembly, folder) if fabric.is_global_zero else (),
        settings=to_plain(recipe),
        seed=recipe.seed,
        warmup=Warmup(recipe.warmup_steps, recipe.warmup_start),
        step_factors=_make_poly(recipe),
        max_gradient_norm=recipe.max_gradient_norm,
        max_gradient_value=recipe.max_gradient_value,
        average_decay=recipe.average_decay,
        checkpoint_interval=recipe.checkpoint_interval,
        keep_checkpoints=recipe.keep_checkpoints,
    )


def _make_schedule(recipe: Recipe) -> Cosine | MultiStep:
    if recipe.rate_schedule == "cosine":
        return Cosine(recipe.max_epochs)
    if recipe.rate_schedule == "exponential":
        return MultiStep(tuple(range(1, recipe.max_epochs)), recipe.gamma)
    return MultiStep(recipe.milestones, recipe.gamma)


def _make_poly(recipe: Recipe) -> Poly | None:
    """Factors of the optimiser's groups, which come twice where biases have their own."""
    if not recipe.poly_modules:
        return None
    copies = 1 if recipe.bias_factor is None else 2
    decays = tuple(
        name in recipe.poly_modules for name in recipe.learning_rates for _ in range(copies)
    )
    return Poly(decays, recipe.poly_steps, recipe.poly_power)


def _make_loaders(assembly: Assembly[Any], fabric: Fabric) -> list[LTRLoader]:
    recipe = assembly.recipe
    common: dict[str, Any] = {
        "batch_size": recipe.batch_size,
        "num_workers": recipe.num_workers,
        "stack_dim": assembly.stack_dim,
        "seed": recipe.seed,
        "microbatches": recipe.accumulation_steps,
        "rank": fabric.global_rank,
        "world_size": fabric.world_size,
        "pin_memory": fabric.device.type == "cuda",
    }
    training, validation = assembly.datasets()
    loaders = [LTRLoader("train", training, shuffle=not training.orders_epochs, **common)]
    if validation is not None:
        loaders.append(
            LTRLoader(
                "val",
                validation,
                training=False,
                epoch_interval=recipe.validation_interval,
                epoch_offset=recipe.validation_offset,
                **common,
            )
        )
    return loaders


def _make_reporters(
    settings: Settings, assembly: Assembly[Any], folder: RunFolder
) -> list[Reporter]:
    recipe = assembly.recipe
    info = {
        "Module_name": settings.module_name,
        "Script_name": settings.script_name,
        "Description": recipe.description,
    }
    tensorboard = Path(assembly.environment.tensorboard_dir, settings.project_path)
    reporters: list[Reporter] = [
        Console(recipe.print_interval, recipe.print_stats, settings.quiet),
        JsonLines(folder.path / "log.jsonl"),
        TensorBoard(tensorboard.with_name(folder.path.name), info),
    ]
    if settings.visdom is not None:
        reporters.append(VisdomCurves(*settings.visdom, settings.project_path))
    return reporters


def _set_backends(settings: Settings, recipe: Recipe) -> None:
    torch.backends.cudnn.benchmark = settings.cudnn_benchmark and not recipe.deterministic
    if recipe.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)


def _write_record(path: Path, settings: Settings, recipe: Recipe) -> None:
    """Store what decides the result of the run, beside its checkpoints."""
    record = {
        "recipe": to_plain(recipe),
        "settings": to_plain(settings),
        "command": command_line(),
        "versions": versions(),
        "revision": git_revision(),
    }
    with atomic_write(path, "w") as stream:
        json.dump(record, stream, indent=2)
        stream.write("\n")
