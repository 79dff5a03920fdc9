"""Network files: tensors and plain values only, written whole or not at all.

Fields as upstream's: ``net`` (state dict), ``net_type``, ``net_info``, ``constructor``, ``epoch``,
``actor_type``, ``optimizer``, ``stats``, ``settings``; a trainer adds what it needs to resume. The
constructor is ``{"function": "module:function", "kwargs": {...}}``. Such a file is readable with
``torch.load(path, weights_only=True)``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from torch import nn

from ltr.admin import safetensors_files
from ltr.admin.errors import CheckpointError
from ltr.admin.files import atomic_write
from ltr.admin.model_constructor import NetConstructor
from ltr.admin.tensor_files import Record, read_tensor_file

SUFFIX = ".pth.tar"
# The folders of an absolute path, alone or behind the kind of a data set.
_FOLDERS = re.compile(r"(?:^|(?<=[:+=]))(?:[A-Za-z]:)?[/\\](?:[^:+/\\]*[/\\])*")


@dataclass(frozen=True)
class Checkpoint:
    """The content of a network file.

    Args:
        path: The file.
        net: State dict, on the CPU.
        net_type: Class name of the network, empty where the file does not tell.
        constructor: The call that builds the network, None where the file does not tell.
        fields: Everything else in the file, by name.
        is_upstream: Whether upstream's trainer wrote it, with pickled objects.
    """

    path: Path
    net: dict[str, torch.Tensor]
    net_type: str
    constructor: NetConstructor | None
    fields: dict[str, Any]
    is_upstream: bool

    @property
    def epoch(self) -> int:
        """Finished epochs of training, 0 where the file does not tell."""
        epoch = self.fields.get("epoch")
        return epoch if isinstance(epoch, int) else 0


def network_fields(net: nn.Module) -> dict[str, Any]:
    """The fields of a checkpoint that describe a network."""
    return {
        "net_type": type(net).__name__,
        "net": net.state_dict(),
        "net_info": getattr(net, "info", None),
        "constructor": constructor_field(getattr(net, "constructor", None)),
    }


def constructor_field(constructor: NetConstructor | None) -> dict[str, Any] | None:
    """The stored form of a constructor."""
    if constructor is None:
        return None
    return {"function": constructor.function, "kwargs": dict(constructor.kwargs)}


def save_checkpoint(path: str | os.PathLike[str], record: Mapping[str, Any]) -> None:
    """Write a checkpoint so that at any moment the old or the new file is there, whole.

    Args:
        path: Final name.
        record: Fields by name: tensors, plain values, and containers of them.

    Raises:
        TypeError: A value is neither a tensor nor plain.
        OSError: The folder cannot be written or is full.
    """
    plain = {name: as_plain(value, name) for name, value in record.items()}
    try:
        with atomic_write(path) as stream:
            torch.save(plain, stream)
    except RuntimeError as error:
        # PyTorch's writer hides why a write failed, for instance that the disk is full.
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def as_plain(value: Any, place: str) -> Any:
    """Reduce a value to what the safe form may hold; ``place`` names it in the error message.

    Raises:
        TypeError: It holds an object that is neither a tensor nor a plain value.
    """
    if isinstance(value, torch.Tensor):
        return value.detach()
    if isinstance(value, Mapping):
        return {
            as_plain(key, place): as_plain(item, f"{place}.{key}") for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        items = (as_plain(item, f"{place}[{i}]") for i, item in enumerate(value))
        return tuple(items) if isinstance(value, tuple) else list(items)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, PurePath):
        return str(value)
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"{place}: a {type(value).__name__} cannot be stored in a checkpoint")


def without_folders(value: Any) -> Any:
    """A plain value without the folders of the machine that made it, for files to hand out.

    >>> without_folders({"train_set": "videos:/data/me/train", "net": "/home/me/a.pth", "rate": 1})
    {'train_set': 'videos:train', 'net': 'a.pth', 'rate': 1}
    """
    if isinstance(value, Mapping):
        return {key: without_folders(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(without_folders(item) for item in value)
    return _FOLDERS.sub("", value) if isinstance(value, str) else value


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint of this code or of upstream's trainer, executing nothing.

    Raises:
        CheckpointError: The file is missing, damaged, hostile, or holds no network.
    """
    path = Path(path)
    is_safetensors = path.suffix == safetensors_files.SUFFIX
    record = safetensors_files.read_safetensors(path) if is_safetensors else read_tensor_file(path)
    if not isinstance(record, dict) or "net" not in record:
        raise CheckpointError(f"{path} is a PyTorch file, but not a checkpoint: it has no 'net'")
    fields = dict(record)
    net, constructor = fields.pop("net"), fields.pop("constructor", None)
    return Checkpoint(
        path=path,
        net=as_state_dict(net, path),
        net_type=str(fields.pop("net_type", "")),
        constructor=_read_constructor(constructor, path),
        fields=fields,
        is_upstream=isinstance(constructor, Record),
    )


def as_state_dict(value: object, path: Path) -> dict[str, torch.Tensor]:
    """Check that what a file holds is a dictionary of ordinary tensors.

    Raises:
        CheckpointError: It is something else.
    """
    if not isinstance(value, Mapping) or not value:
        raise CheckpointError(f"{path} holds no dictionary of tensors")
    for name, tensor in value.items():
        is_ordinary = (
            isinstance(name, str)
            and isinstance(tensor, torch.Tensor)
            and tensor.layout == torch.strided
            and not tensor.is_meta
        )
        if not is_ordinary:
            raise CheckpointError(f"{path}: the entry {name!r} of the network is not a tensor")
    return dict(value)


def _read_constructor(value: object, path: Path) -> NetConstructor | None:
    if value is None:
        return None
    if isinstance(value, Record):
        name = f"{value.get('fun_module')}:{value.get('fun_name')}"
        function: object = name.removeprefix("dlframework.")
        kwargs, args = value.get("kwds", {}), value.get("args", ())
    else:
        fields = value if isinstance(value, dict) else {}
        function, kwargs, args = fields.get("function"), fields.get("kwargs", {}), ()
    if not (isinstance(function, str) and isinstance(kwargs, dict)):
        raise CheckpointError(f"{path}: the record of the network's constructor is damaged")
    if args:
        raise CheckpointError(f"{path}: the constructor's arguments have no names: {args!r}")
    return NetConstructor(function, kwargs)


def find_checkpoint(folder: str | os.PathLike[str], epoch: int | None = None) -> Path:
    """Find a checkpoint of a training run.

    Args:
        folder: Folder of the run's checkpoints, ``<network>_ep0007.pth.tar``.
        epoch: Epoch of the checkpoint; None takes the newest.

    Raises:
        CheckpointError: There is none.
    """
    folder = Path(folder)
    by_epoch = {_epoch_of(path): path for path in sorted(folder.glob(f"*{SUFFIX}"))}
    if not by_epoch:
        raise CheckpointError(f"no checkpoint (*{SUFFIX}) in {folder}")
    wanted = max(by_epoch) if epoch is None else epoch
    if wanted not in by_epoch:
        known = ", ".join(str(number) for number in sorted(by_epoch) if number >= 0)
        raise CheckpointError(f"no checkpoint of epoch {epoch} in {folder} (available: {known})")
    return by_epoch[wanted]


def _epoch_of(path: Path) -> int:
    """The number in the file's name; -1 for a file without one, older than all others."""
    number = re.search(rf"_ep(\d+){re.escape(SUFFIX)}$", path.name)
    return int(number[1]) if number else -1
