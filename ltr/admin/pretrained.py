"""Weights of backbones that others trained; nothing is fetched without being asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from ltr.admin.checkpoint import as_state_dict
from ltr.admin.errors import CheckpointError, ConfigError, did_you_mean
from ltr.admin.loading import load_state
from ltr.admin.tensor_files import read_tensor_file

MASK_RCNN_FILE = "e2e_mask_rcnn_R_50_FPN_1x_converted.pkl"
_CLASSIFIER = ("fc.weight", "fc.bias")
_WITHOUT = "--set backbone_weights=none"
# Where our own networks and snapshots of dense_ulearn keep an ImageNet-style ResNet.
_BACKBONES = ("fast_net.backbone.", "feature_extractor.")


def load_mask_rcnn_backbone(backbone: nn.Module, path: str | os.PathLike[str]) -> None:
    """Fill JOINT's Caffe-style ResNet-50 with the weights of a Mask R-CNN.

    Args:
        backbone: The network's feature extractor.
        path: The file ``MASK_RCNN_FILE``: a flat dictionary with the backbone's own keys.

    Raises:
        CheckpointError: The file is missing, damaged or of another network.
    """
    path = Path(path)
    load_state(backbone, _read_weights(path), path)


def load_torchvision_backbone(
    backbone: nn.Module, name: str, folder: str | os.PathLike[str]
) -> None:
    """Fill an ImageNet-style ResNet with torchvision's weights, or those of another system.

    Args:
        backbone: The network's feature extractor.
        name: A model (``resnet50``), one of its weights (``ResNet50_Weights.IMAGENET1K_V2``), or
            the path of a file: torchvision's, a checkpoint of JOINT, a checkpoint or a released
            snapshot of dense_ulearn.
        folder: Folder of downloaded weights (``pretrained_networks``).

    Raises:
        ConfigError: torchvision has no weights of this name.
        CheckpointError: The file is missing, damaged or of another network.
    """
    file, state = torchvision_state(name, folder)
    load_state(backbone, state, file)


def torchvision_state(
    name: str, folder: str | os.PathLike[str], without: str = _WITHOUT
) -> tuple[Path, dict[str, torch.Tensor]]:
    """Read the weights of an ImageNet-style ResNet, without its classifier.

    Args:
        name: See ``load_torchvision_backbone``.
        folder: Folder of downloaded weights (``pretrained_networks``).
        without: What a user writes to start from random weights, for the error.

    Returns:
        The file, and the weights by torchvision's names.

    Raises:
        ConfigError: torchvision has no weights of this name.
        CheckpointError: The file is missing or damaged.
    """
    file = Path(name)
    if file.suffix not in (".pth", ".pt", ".pkl", ".tar"):
        file = Path(folder) / Path(torchvision_address(name)).name
    state = _read_weights(file, without)
    return file, {key: value for key, value in state.items() if key not in _CLASSIFIER}


def torchvision_address(name: str) -> str:
    """The address from which torchvision's weights of this name can be downloaded.

    A model's name alone means its first published weights, those that trackers were trained with.

    >>> torchvision_address("resnet50").rpartition("/")[-1]
    'resnet50-0676ba61.pth'

    Raises:
        ConfigError: torchvision has no weights of this name.
    """
    from torchvision.models import get_model_weights, get_weight, list_models

    try:
        weights = get_weight(name) if "." in name else get_model_weights(name)["IMAGENET1K_V1"]
    except (ValueError, AttributeError, KeyError) as error:
        hint = did_you_mean(name, list_models())
        raise ConfigError(f"torchvision has no ImageNet weights {name!r}{hint}") from error
    return weights.url


def _read_weights(file: Path, without: str = _WITHOUT) -> Mapping[str, torch.Tensor]:
    if not file.is_file():
        raise CheckpointError(
            f"the backbone weights {file.name} are not in {file.parent}: put the file there "
            f"(vos-download --list shows its page) or start without: {without}"
        )
    record = read_tensor_file(file)
    for field in ("net", "model"):  # of our checkpoints, of upstream's snapshots
        if isinstance(record, dict) and isinstance(record.get(field), dict):
            state = as_state_dict(record[field], file)
            return {
                key.removeprefix(prefix): value
                for key, value in state.items()
                for prefix in _BACKBONES
                if key.startswith(prefix)
            }
    return as_state_dict(record, file)
