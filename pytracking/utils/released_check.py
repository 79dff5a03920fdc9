"""Whether a file is what its authors released: it is read as the network it should be."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

from ltr.admin.blueprint import adapted_state, differences
from ltr.admin.checkpoint import as_state_dict
from ltr.admin.errors import CheckpointError
from ltr.admin.files import file_checksum, read_regular
from ltr.admin.loading import load_network_of
from ltr.admin.tensor_files import read_tensor_file
from pytracking.utils.released_files import Kind, ReleasedFile

_MAX_TABLE = 256 << 20


def check_released(released: ReleasedFile, path: Path) -> None:
    """Make sure that a file can be the released one.

    Args:
        released: What it should be.
        path: Where it lies, under any name.

    Raises:
        CheckpointError: It has another checksum, or is not such a file.
    """
    known = released.checksum
    if known:
        digits = file_checksum(path, known.kind)
        if not known.fits(digits):
            raise CheckpointError(
                f"{released.name}: the {known.kind} checksum is {digits}, not the published "
                f"{known.begin}..{known.end}"
            )
    try:
        _READERS[released.kind](path)
    except CheckpointError as error:
        reason = str(error).replace(str(path), "the file")
        raise CheckpointError(f"{released.name} is not what its name says: {reason}") from error


def _read_joint(path: Path) -> None:
    from ltr.models.joint.joint_net import JOINTNet

    load_network_of(JOINTNet, path)


def _read_mask_rcnn(path: Path) -> None:
    from ltr.models.backbone.resnet import resnet50

    with torch.device("meta"):
        backbone = resnet50(True)
    state = as_state_dict(read_tensor_file(path), path)
    problem = differences(backbone, adapted_state(backbone, state))
    if problem:
        raise CheckpointError(f"{path} holds another network: {problem}")


def _read_dense_ulearn(path: Path) -> None:
    from ltr.models.dense_ulearn.snapshot import load_dense_ulearn

    load_dense_ulearn(path)


def _read_propose_reduce(path: Path) -> None:
    from ltr.models.propose_reduce.released import load_seq_mask_rcnn

    load_seq_mask_rcnn(path)


def _read_agent(path: Path) -> None:
    from ltr.models.interactive.agent import AgentNet, agent_network
    from ltr.models.interactive.released import load_released

    load_released(path, AgentNet, agent_network)


def _read_assess(path: Path) -> None:
    from ltr.models.interactive.assess import AssessNet, assess_network
    from ltr.models.interactive.released import load_released

    load_released(path, AssessNet, assess_network)


def _read_weights(path: Path) -> None:
    as_state_dict(read_tensor_file(path), path)


def _read_table(path: Path) -> None:
    try:
        lines = read_regular(path, _MAX_TABLE).decode().splitlines()
    except (UnicodeDecodeError, OSError) as error:
        raise CheckpointError(f"{path} is not a table ({error})") from error
    if len(lines) < 2 or "," not in lines[0] or "<" in lines[0]:
        raise CheckpointError(f"{path} is not a table")


def _read_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip() if archive.infolist() else "it is empty"
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, RuntimeError) as error:
        raise CheckpointError(f"{path} is not a zip archive ({error})") from error
    if damaged:
        raise CheckpointError(f"{path} is damaged: {damaged}")


_READERS: dict[Kind, Callable[[Path], None]] = {
    "joint": _read_joint,
    "mask_rcnn": _read_mask_rcnn,
    "dense_ulearn": _read_dense_ulearn,
    "propose_reduce": _read_propose_reduce,
    "agent": _read_agent,
    "assess": _read_assess,
    "weights": _read_weights,
    "table": _read_table,
    "archive": _read_archive,
}
