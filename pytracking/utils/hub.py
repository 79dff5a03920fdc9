"""Networks on the Hugging Face Hub, by an address ``hf://owner/name/path[@revision]``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from ltr.admin.errors import CheckpointError
from ltr.admin.optional import import_optional

PREFIX = "hf://"
_ADDRESS = re.compile(
    r"hf://(?P<repository>[\w.-]+/[\w.-]+)/(?P<file>[^@?#]+)(?:@(?P<revision>[\w./-]+))?"
)
_SNAPSHOTS = "snapshots"


class HubFile(NamedTuple):
    """A file on the hub.

    Args:
        repository: ``owner/name``.
        file: Path of the file within the repository.
        revision: Branch, tag or commit; None takes the newest.
    """

    repository: str
    file: str
    revision: str | None


def parse_address(address: str) -> HubFile:
    """Take an address apart.

    >>> parse_address("hf://me/joint/model.safetensors@v1")
    HubFile(repository='me/joint', file='model.safetensors', revision='v1')

    Raises:
        CheckpointError: It has another form.
    """
    found = _ADDRESS.fullmatch(address)
    if not found or ".." in address:
        raise CheckpointError(f"{address}: expected hf://OWNER/NAME/FILE, or with @REVISION behind")
    return HubFile(found["repository"], found["file"], found["revision"])


def fetch(address: str) -> Path:
    """The local copy of a file, fetched if it is not there yet.

    Without a network, or with ``HF_HUB_OFFLINE=1``, a copy of an earlier run is used. Other hosts
    than the official one are named by ``HF_ENDPOINT``.

    Raises:
        CheckpointError: It is neither on the hub nor here, or the hub cannot be reached.
        ConfigError: The package ``huggingface_hub`` is not installed.
    """
    wanted = parse_address(address)
    hub = import_optional("huggingface_hub", f"the network {address}", "hub")
    errors = import_optional("huggingface_hub.errors", f"the network {address}", "hub")
    try:
        path = hub.hf_hub_download(wanted.repository, wanted.file, revision=wanted.revision)
    except errors.LocalEntryNotFoundError as error:
        raise CheckpointError(
            f"{address} cannot be fetched, and no copy is here: {_first(error)}"
        ) from error
    except (errors.HfHubHTTPError, errors.HFValidationError) as error:
        raise CheckpointError(f"{address} is not on the hub: {_first(error)}") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{address} cannot be fetched: {_first(error)}") from error
    return Path(path)


def revision_of(path: Path) -> str | None:
    """The commit of a local copy, None for a file that is not one.

    >>> revision_of(Path("/cache/models--me--a/snapshots/0123abcd/model.safetensors"))
    '0123abcd'
    """
    parts = path.parts
    if _SNAPSHOTS not in parts[:-1]:
        return None
    return parts[len(parts) - 1 - parts[::-1].index(_SNAPSHOTS) + 1]


def _first(error: Exception) -> str:
    """The first line of an error, which may be long."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
