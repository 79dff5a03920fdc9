"""Opens a folder of weights that transformers has written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from ltr.admin.errors import CheckpointError
from ltr.admin.optional import import_optional
from pytracking.utils.loading import find_network

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")


def load_pretrained(net: str, model: str, processor: str, device: torch.device) -> tuple[Any, Any]:
    """Load a model and its processor from a local folder; nothing is fetched or executed.

    Args:
        net: Name or path of the folder.
        model: Class of transformers.
        processor: Class of its processor.
        device: Device of the model.

    Returns:
        The model, in eval mode without gradients, and the processor.

    Raises:
        CheckpointError: The folder is missing, damaged, or of another model.
        ConfigError: transformers is not installed.
    """
    transformers = import_optional("transformers", f"the tracker with {model}", "referring")
    folder = find_network(net)
    if not folder.is_dir() or not any((folder / name).is_file() for name in _WEIGHTS):
        raise CheckpointError(f"{folder} is not a folder with {_WEIGHTS[0]}: {_how_to_fetch(net)}")
    if not hasattr(transformers, model):
        raise CheckpointError(
            f"transformers {transformers.__version__} has no {model}: pip install -U transformers"
        )
    try:
        network = getattr(transformers, model).from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
        )
        own = getattr(transformers, processor).from_pretrained(folder, local_files_only=True)
    except Exception as error:  # what transformers raises on damaged folders is of many kinds
        raise CheckpointError(f"{folder} is not a {model}: {_first_line(error)}") from error
    return network.to(device).eval().requires_grad_(False), own


def checksum_file(folder: Path) -> Path:
    """The file that stands for the weights of a folder."""
    return next(folder / name for name in _WEIGHTS if (folder / name).is_file())


def _how_to_fetch(net: str) -> str:
    return f"hf download OWNER/NAME --local-dir {Path(net).name}, and name the folder with --net"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
