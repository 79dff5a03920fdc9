"""How scribbles on a frame become a mask: what a user may name, and what it makes ready."""

from __future__ import annotations

import importlib

import torch

from ltr.admin.errors import ConfigError, did_you_mean
from pytracking.tracker.interactive.parameters import AtnetParameters, IpnParameters
from pytracking.tracker.interactive.scribble_mask import GrabCutMask, ScribbleToMask

_PROMPTABLE = {"sam2": "sam2.1_hiera_tiny", "edgetam": "edgetam", "sam3": "sam3"}
_METHODS = ("grabcut", "atnet", "ipn", *_PROMPTABLE)


def create_scribble_to_mask(method: str, device: torch.device) -> ScribbleToMask:
    """Make ready what turns scribbles into a mask.

    Args:
        method: ``grabcut``, or ``atnet`` or ``ipn`` for the network of that host; ``ipn:FILE``
            names another file than the released one; ``sam2``, ``edgetam`` or ``sam3`` for that
            model, ``sam2:FOLDER`` for other weights of it.
        device: Device of the network, if there is one.

    Raises:
        ConfigError: There is no such method, or GrabCut is given a file.
        CheckpointError: The network file is missing, damaged or of another network.
    """
    name, _, file = method.partition(":")
    if name not in _METHODS:
        raise ConfigError(
            f"scribbles cannot become a mask by {name!r}{did_you_mean(name, _METHODS)}"
        )
    if name == "ipn":
        from pytracking.tracker.interactive.scribble_networks import load_interaction_mask

        return load_interaction_mask(file or IpnParameters().net, device)
    if name == "atnet":
        from pytracking.tracker.interactive.scribble_networks import load_annotation_mask

        return load_annotation_mask(file or AtnetParameters().net, device)
    if name in _PROMPTABLE:
        from pytracking.tracker.promptable.mask import PromptableMask

        system = importlib.import_module(f"pytracking.tracker.{name}")
        return PromptableMask(file or _PROMPTABLE[name], device, system.get_tracker_class())
    if file:
        raise ConfigError(f"grabcut uses no network: leave out {file}")
    return GrabCutMask()
