"""Finds the network of the tracker: a checkpoint of this code or a released snapshot."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from ltr.admin.files import file_checksum
from ltr.models.dense_ulearn.dense_ulearn_net import DenseULearnNet
from ltr.models.dense_ulearn.snapshot import load_dense_ulearn
from pytracking.utils.loading import find_network
from pytracking.utils.released_files import by_name

_LOG = logging.getLogger(__name__)


def load_propagation_network(net: str, device: torch.device) -> DenseULearnNet:
    """Load a trained network for inference, see ``load_evaluation_network``."""
    path = find_network(net)
    network = load_dense_ulearn(path)
    _check_released(path)
    return network.requires_grad_(False).eval().to(device)


def _check_released(path: Path) -> None:
    """Warn when a file has the name of a released one, but not its MD5."""
    released = by_name().get(path.stem)
    if released is None or released.file != path.name or released.checksum is None:
        return
    digits = file_checksum(path, released.checksum.kind)
    if not released.checksum.fits(digits):
        _LOG.warning("%s is not the file that was released under this name (MD5 %s)", path, digits)
