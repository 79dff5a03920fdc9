"""What both networks of frame recommendation have in common when they are trained."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.admin.errors import CheckpointError
from ltr.admin.files import atomic_write
from ltr.admin.loading import load_network
from ltr.admin.model_constructor import NetConstructor
from ltr.admin.settings import Settings
from ltr.train_settings.experiment import AssemblyClass, train
from ltr.train_settings.recipe import Recipe
from ltr.trainers.run_folder import RunFolder
from ltr.trainers.signals import TrainingStopped
from pytracking.recommendation.command import Task
from pytracking.utils.staging import translate_write_errors

_LOG = logging.getLogger(__name__)


def train_network(
    task: Task, name: str, file: Path, recipe: Recipe, assembly: AssemblyClass
) -> nn.Module:
    """Train, or resume the last run; its checkpoints lie beside the network's file.

    Args:
        task: Device and options of the command line.
        name: Experiment of ``ltr/train_settings/interactive``.
        file: Where the trained network will be written.
        recipe: Recipe of the run.
        assembly: Builds its parts.

    Returns:
        The network of the newest checkpoint.

    Raises:
        SystemExit: A signal ended the run; a checkpoint was written.
        ToolkitError: A path, data set or checkpoint is wrong.
    """
    with translate_write_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        "interactive",
        name,
        device=str(task.device),
        fresh=task.overwrite,
        quiet=task.quiet,
        workspace=file.parent,
    )
    try:
        train(settings, recipe, assembly)
    except TrainingStopped as stop:
        _LOG.warning("%s: a checkpoint was written; run the same command again to resume", stop)
        raise SystemExit(128 + stop.number) from stop
    newest = RunFolder.choose(file.parent, settings.project_path).newest()
    if newest is None:
        raise CheckpointError(f"{file.parent} holds no checkpoint of {settings.project_path}")
    return load_network(newest)


def save_network(path: Path, network: nn.Module) -> None:
    """Write a network that its constructor's defaults describe as upstream does, else with them.

    Raises:
        OutputError: It cannot be written.
    """
    constructor: NetConstructor | None = getattr(network, "constructor", None)
    with translate_write_errors(path):
        if constructor is not None and constructor.kwargs:
            save_checkpoint(path, network_fields(network))
            return
        state: dict[str, Any] = {key: value.cpu() for key, value in network.state_dict().items()}
        with atomic_write(path) as stream:
            torch.save(state, stream)
