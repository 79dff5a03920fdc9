"""Small network files, and how each is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.admin.checkpoint import network_fields, read_checkpoint, save_checkpoint
from ltr.admin.loading import build_network, load_own_or_released, load_state
from ltr.admin.safetensors_files import write_safetensors
from ltr.models.dense_ulearn.dense_ulearn_net import DenseULearnNet, dense_ulearn_resnet18


def _network() -> DenseULearnNet:
    torch.manual_seed(0)
    return dense_ulearn_resnet18(feature_dim=2, backbone_width=1)


def make_checkpoint(folder: Path) -> None:
    """Write a checkpoint."""
    fields = network_fields(_network())
    save_checkpoint(folder / "net.pth.tar", {**fields, "epoch": 3, "settings": {"seed": 1}})


def make_safetensors(folder: Path) -> None:
    """Write a network as it is published."""
    write_safetensors(folder / "model.safetensors", network_fields(_network()))


def make_manifest(folder: Path) -> None:
    """Write the list of an exported tracker, whose graphs are not looked at here."""
    (folder / "frame.onnx").write_bytes(b"graph")
    graph = {
        "file": "frame.onnx",
        "sha256": hashlib.sha256(b"graph").hexdigest(),
        "inputs": {"image": {"shape": [1, 3, 24, 32], "type": "float32"}},
        "outputs": ["labels"],
    }
    content = {"version": 1, "system": "joint", "format": "onnx", "parameters": {"size": 3},
               "settings": {"memory": 2}, "graphs": {"frame": graph}}  # fmt: skip
    (folder / "export.json").write_text(json.dumps(content), encoding="utf-8")


def make_old_checkpoint(folder: Path) -> None:
    """Write a network in the form of PyTorch before 1.6."""
    fields = network_fields(_network())
    torch.save(fields, folder / "net.pth.tar", _use_new_zipfile_serialization=False)


def read_network(path: Path) -> None:
    """Rebuild the network and load its weights."""
    checkpoint = read_checkpoint(path)
    load_state(build_network(checkpoint), checkpoint.net, path)


def make_snapshot(folder: Path) -> None:
    """Write a snapshot as upstream of dense_ulearn does, with a NumPy number in it."""
    state = _network().state_dict()
    torch.save({"model": state, "opt": {}, "score": np.float64(0.5), "epoch": 1}, folder / "s.pth")


def read_snapshot(path: Path) -> None:
    """Load it as a released file, into the network that it belongs to."""
    load_own_or_released(path, DenseULearnNet, _released)


def _released(record: Any, path: Path) -> tuple[Callable[[], DenseULearnNet], Any] | None:
    is_snapshot = isinstance(record, dict) and "model" in record
    return (_network, record["model"]) if is_snapshot else None
