"""Finds trained networks and makes them ready for evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import torch
from torch import nn

from ltr.admin.errors import CheckpointError
from ltr.admin.loading import load_network_of
from pytracking.utils import hub
from pytracking.utils.environment import evaluation_environment

SHIPPED_NETWORKS = Path(__file__).resolve().parents[1] / "networks"


Network = TypeVar("Network", bound=nn.Module)


def load_evaluation_network(net: str, kind: type[Network], device: torch.device) -> Network:
    """Load a trained network for inference.

    Args:
        net: A path, or a file name that is searched in the folders of ``network_path`` and, last,
            among the networks that ship with the package.
        kind: Class of the network.
        device: Device of the network.

    Returns:
        The network in eval mode, without gradients.

    Raises:
        CheckpointError: The file is nowhere, damaged, or of another network.
    """
    path = find_network(net)
    return load_network_of(kind, path).requires_grad_(False).eval().to(device)


def find_network(net: str, folders: Sequence[Path] | None = None) -> Path:
    """Find a network file.

    Args:
        net: An absolute path is taken as it is, an address ``hf://owner/name/file`` is fetched from
            the hub; anything else is searched in ``folders`` and then
            from the current folder, and last in the package.
        folders: Folders in the order in which they are searched; by default those of
            ``network_path``.

    Raises:
        CheckpointError: It is nowhere; the sentence says what was searched and what lies there.
    """
    if net.startswith(hub.PREFIX):
        return hub.fetch(net)
    if folders is None:
        folders = evaluation_environment().network_folders
    given = Path(net).expanduser()
    candidates = [given] if given.is_absolute() else [folder / given for folder in folders]
    if not given.is_absolute():
        candidates += [given, SHIPPED_NETWORKS / given]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    if given.is_absolute():
        raise CheckpointError(f"network {given} does not exist ({_contents(given.parent)})")
    searched = ", ".join(_contents(folder) for folder in folders)
    raise CheckpointError(
        f"network {net} was not found ({searched}): give --net PATH, or fetch a released one "
        f"with: python -m pytracking.utils.download {given.name.split('.')[0]}"
    )


def _contents(folder: Path) -> str:
    """Which networks lie in a folder, for an error sentence."""
    if not folder.is_dir():
        return f"{folder} is not a folder"
    names = sorted(path.name for path in folder.iterdir() if ".p" in path.name)
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"{folder} holds {shown or 'no network'}"
