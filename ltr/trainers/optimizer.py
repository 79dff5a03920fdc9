"""Optimisers with one learning rate a part of the network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

import torch
from torch import nn

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.trainers.accumulating_sgd import AccumulatingSGD

OptimizerKind = Literal["adam", "adamw", "sgd", "accumulating_sgd"]


def make_optimizer(
    network: nn.Module,
    learning_rates: Mapping[str, float],
    kind: OptimizerKind = "adam",
    weight_decay: float = 0.0,
    momentum: float = 0.9,
    betas: tuple[float, float] = (0.9, 0.999),
    bias_factor: float | None = None,
    nesterov: bool = False,
    fused: bool = True,
) -> torch.optim.Optimizer:
    """Build an optimiser with one parameter group per module.

    Args:
        network: Frozen parameters are left out.
        learning_rates: Learning rate by module name. The parameters of a module that is named
            itself are taken out of the group of the module around it. A module without parameters
            gives an empty group.
        kind: ``adam``, ``adamw``, ``sgd`` or ``accumulating_sgd`` (see ``AccumulatingSGD``).
        weight_decay: Weight decay of all groups.
        momentum: Momentum of ``sgd``.
        betas: Coefficients of ``adam`` and ``adamw``.
        bias_factor: Biases are put in a second group per module, with this multiple of its rate and
            without weight decay; None treats them like weights.
        nesterov: Whether the momentum of ``sgd`` looks ahead.
        fused: Update a group in one kernel, in ``adam``, ``adamw`` and ``sgd``. A gradient scaler
            (fp16) that also shortens gradients needs False.

    Raises:
        ConfigError: The network has no module of a name, or a trained parameter has no rate.
    """
    parts: list[dict[str, Any]] = []
    for name, parameters in _trained_parameters(network, learning_rates).items():
        rate = learning_rates[name]
        if bias_factor is None:
            parts.append({"params": list(parameters.values()), "lr": rate})
        else:
            weights, biases = _split(parameters)
            parts.append({"params": weights, "lr": rate})
            parts.append({"params": biases, "lr": bias_factor * rate, "weight_decay": 0.0})
    if kind == "sgd":
        return torch.optim.SGD(
            parts,
            lr=0.0,
            momentum=momentum,
            weight_decay=weight_decay,
            nesterov=nesterov,
            fused=fused,
        )
    if kind == "accumulating_sgd":
        return AccumulatingSGD(parts, 0.0, momentum, weight_decay)
    optimizer = torch.optim.Adam if kind == "adam" else torch.optim.AdamW
    return optimizer(parts, betas=betas, weight_decay=weight_decay, fused=fused)


def _trained_parameters(
    network: nn.Module, names: Collection[str]
) -> dict[str, dict[str, nn.Parameter]]:
    """The trained parameters by their names, of every module that is named."""
    groups: dict[str, dict[str, nn.Parameter]] = {name: {} for name in names}
    modules = [name for name, _ in network.named_modules(remove_duplicate=False)]
    for name in names:
        if name not in modules:
            top = [module for module in modules if module and module.count(".") < 2]
            raise ConfigError(f"learning_rates: no module {name!r}{did_you_mean(name, top)}")
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups[_group_of(name, groups)][name] = parameter
    return groups


def _split(
    parameters: Mapping[str, nn.Parameter],
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Separate the parameters that are called ``bias`` from the others."""
    parts: tuple[list[nn.Parameter], list[nn.Parameter]] = ([], [])
    for name, parameter in parameters.items():
        parts[name.rpartition(".")[2] == "bias"].append(parameter)
    return parts


def _group_of(name: str, groups: Mapping[str, object]) -> str:
    """The longest module name that a parameter's name starts with."""
    matches = [group for group in groups if name.startswith(f"{group}.")]
    if not matches:
        raise ConfigError(f"learning_rates: {name} is trained, but no entry covers it")
    return max(matches, key=len)
