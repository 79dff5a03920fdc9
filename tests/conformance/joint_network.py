"""The network of a folder of JOINT reference values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ltr.admin.model_constructor import NetConstructor, adapt_arguments
from ltr.models.joint.joint_net import JOINTNet, steepest_descent_resnet50
from tests.seeded_weights import seeded_tensor

_CONSTRUCTOR = "ltr.models.joint.joint_net:steepest_descent_resnet50"


def golden_state_dict(
    manifest: Mapping[str, Any], overrides: Mapping[str, float]
) -> dict[str, torch.Tensor]:
    """Every tensor by the weight rule, then the overrides."""
    state = {}
    for key, shape, *_ in manifest["state_dict"]:
        gain = next((gain for part, gain in manifest["gains"] if part in key), 1.0)
        state[key] = seeded_tensor(key, shape, manifest["seed"], gain)
        if key in overrides:
            state[key].fill_(overrides[key])
    return state


def golden_network(manifest: Mapping[str, Any], overrides: Mapping[str, float]) -> JOINTNet:
    """The network in eval mode, with the folder's weights."""
    kwargs = adapt_arguments(NetConstructor(_CONSTRUCTOR, manifest["constructor_kwargs"]))
    network = steepest_descent_resnet50(**kwargs)
    state = network.adapt_state_dict(golden_state_dict(manifest, overrides))
    network.load_state_dict(state, strict=True)
    return network.eval().requires_grad_(False)
