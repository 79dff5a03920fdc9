"""Network files in the form of ``safetensors``: weights, and what builds the network as JSON.

The fields of a checkpoint beside the weights are in the entry ``vos_toolkit`` of the metadata.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ltr.admin.errors import CheckpointError
from ltr.admin.files import atomic_write, open_regular
from ltr.admin.optional import import_optional

SUFFIX = ".safetensors"
_ENTRY = "vos_toolkit"
_EXTRA = "hub"
_LENGTH_BYTES, _MAX_HEADER_BYTES = 8, 8 << 20


def read_safetensors(path: Path) -> dict[str, Any]:
    """Read a file; nothing in it can be executed.

    Returns:
        The fields of a checkpoint: ``net``, and those that ``write_safetensors`` stored.

    Raises:
        CheckpointError: It is missing or damaged.
        ConfigError: The package ``safetensors`` is not installed.
    """
    library = import_optional("safetensors", f"the file {path.name}", _EXTRA)
    try:
        _check_header(path)
        with library.safe_open(path, framework="pt") as content:
            metadata = content.metadata() or {}
            fields = json.loads(metadata.get(_ENTRY, "{}"))
            if not isinstance(fields, dict):
                raise ValueError(f"its entry {_ENTRY} is not an object")
            names = content.keys()
            return {**fields, "net": {name: content.get_tensor(name) for name in names}}
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError, library.SafetensorError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error


def _check_header(path: Path) -> None:
    """Refuse a list of tensors that is larger than any network needs: it is read as a whole.

    Raises:
        OSError: It is not a regular file.
        ValueError: The list is too long.
    """
    with open_regular(path) as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
    if length > _MAX_HEADER_BYTES:
        raise ValueError(f"its header has {length} bytes, more than {_MAX_HEADER_BYTES}")


def write_safetensors(path: Path, record: Mapping[str, Any]) -> None:
    """Write the fields of a checkpoint, atomically.

    Args:
        path: Final name.
        record: ``net`` (state dict), and values that JSON can hold.

    Raises:
        ConfigError: The package ``safetensors`` is not installed.
        TypeError: A field is neither.
        OSError: The folder cannot be written.
    """
    library = import_optional("safetensors.torch", "a file for the hub", _EXTRA)
    fields = {name: value for name, value in record.items() if name != "net"}
    net = {name: tensor.contiguous() for name, tensor in record["net"].items()}
    content = library.save(net, {"format": "pt", _ENTRY: json.dumps(fields)})
    with atomic_write(path) as stream:
        stream.write(content)
