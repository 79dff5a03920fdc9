"""Reads files written by ``torch.save`` without ever executing what they contain.

PyTorch's weights-only unpickler knows tensors and containers and has no other instructions. The
few classes that upstream's training checkpoints carry beside the tensors are replaced here by
inert dictionaries; any other name in a file is refused.
"""

from __future__ import annotations

import pickletools
import re
import struct
import threading
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from ltr.admin.cli import describe_os_error
from ltr.admin.errors import CheckpointError
from ltr.admin.files import open_regular

ZIP_HEAD = b"PK\x03\x04"
# PyTorch before 1.6: a pickle of protocol 2 that holds only a magic number.
OLD_HEAD = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

_UPSTREAM_CLASSES = (
    "ltr.admin.model_constructor.NetConstructor",
    "ltr.admin.settings.Settings",
    "ltr.admin.local.EnvironmentSettings",
    "ltr.admin.stats.AverageMeter",
    "ltr.admin.stats.StatValue",
)
_REFUSED_NAME = re.compile(r"GLOBAL (\S+) (?:was not an allowed|whose module)")
_REFUSED_OPERAND = re.compile(r"Unsupported operand (\d+)")
# The stand-ins are registered with PyTorch for the time of one read, for the whole process.
_REGISTERED = threading.Lock()
_INSTRUCTIONS = {opcode.code: opcode.name for opcode in pickletools.opcodes}


class Record(dict):
    """The attributes of an object of one of upstream's classes."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.update(state)


class _NumpyType:
    """Stands in for ``numpy.dtype``: only notes which type a scalar has."""

    def __init__(self, code: str, *_: object) -> None:
        self.code = code
        self.byte_order = "="

    def __setstate__(self, state: tuple) -> None:
        self.byte_order = {"<": "<", ">": ">"}.get(state[1], "=")


def _numpy_scalar(kind: _NumpyType, data: bytes) -> float:
    """Stands in for NumPy's scalar function: boolean, integer and float types only."""
    if not re.fullmatch("[biuf][1248]", kind.code):
        raise ValueError(f"a NumPy scalar of type {kind.code!r}")
    return np.frombuffer(data, kind.byte_order + kind.code)[0].item()


def _stand_ins() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """What replaces the names that a file may hold besides PyTorch's own."""
    names = [
        spelling
        for name in _UPSTREAM_CLASSES
        # Two spellings of older pytracking files.
        for spelling in (
            name,
            f"dlframework.{name}",
            name.replace("ltr.admin", "dlframework.common.utils"),
        )
    ]
    return [
        *((Record, name) for name in names),
        (Record, "argparse.Namespace"),  # the command line that ReferFormer stores
        (_NumpyType, "numpy.dtype"),
        (_numpy_scalar, "numpy.core.multiarray.scalar"),
        (_numpy_scalar, "numpy._core.multiarray.scalar"),
    ]


def read_tensor_file(path: Path) -> Any:
    """Read what ``torch.save`` wrote, in today's (zip) or the old form, onto the CPU.

    Args:
        path: Any file; it may be damaged or hostile.

    Returns:
        Containers, plain values and tensors; objects of upstream's classes as ``Record``.

    Raises:
        CheckpointError: The file is missing, damaged, of another kind, or names something that
            would have to be imported or called.
    """
    try:
        with open_regular(path) as stream:
            _check_form(path, stream)
            return _read(path, stream)
    except OSError as error:
        raise CheckpointError(f"cannot read network file: {describe_os_error(error)}") from error


def _check_form(path: Path, stream: IO[bytes]) -> None:
    """Tell other kinds of files apart before PyTorch's reader sees them."""
    head = stream.read(len(OLD_HEAD))
    if not head:
        raise CheckpointError(f"{path} is empty")
    if head.startswith(ZIP_HEAD):
        _check_members(path, stream)
    elif head != OLD_HEAD:
        text = "it holds text, as a Git LFS pointer or a link that was stored as a file does"
        reason = (
            text if head.isascii() and head.decode().isprintable() else "PyTorch did not write it"
        )
        raise CheckpointError(f"{path} is not a network file ({reason})")
    stream.seek(0)


def _check_members(path: Path, stream: IO[bytes]) -> None:
    """PyTorch never compresses: a compressed member is another program's, or a zip bomb."""
    try:
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise CheckpointError(f"{path} is damaged, or its end is missing") from error
    is_stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
    if not is_stored or not any(member.filename.endswith("/data.pkl") for member in members):
        raise CheckpointError(f"{path} is a zip archive, but not a network file")


def _read(path: Path, stream: IO[bytes]) -> Any:
    with _REGISTERED, warnings.catch_warnings(), torch.serialization.safe_globals(_stand_ins()):
        warnings.simplefilter("ignore")
        try:
            return torch.load(stream, map_location="cpu", weights_only=True)
        except Exception as error:  # damaged bytes can make the reader fail in any way
            raise CheckpointError(f"{path} {_verdict(error)}") from error


def _verdict(error: Exception) -> str:
    """PyTorch's reason in one sentence, without its advice to trust the file."""
    message = str(error)
    if name := _REFUSED_NAME.search(message):
        return f"is refused: it refers to {name[1]}, which no network file needs"
    operand = _REFUSED_OPERAND.search(message)
    if operand and (instruction := _INSTRUCTIONS.get(chr(int(operand[1])))):
        return f"is refused: it holds the instruction {instruction}, which no network file needs"
    lines = message.split("WeightsUnpickler error:")[-1].strip().splitlines()
    reason = lines[0] if lines else type(error).__name__
    return f"is damaged, incomplete or not a network file ({reason})"
