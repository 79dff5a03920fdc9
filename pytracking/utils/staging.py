"""Result folders that are filled whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ltr.admin.errors import ConfigError, OutputError
from ltr.admin.files import TEMPORARY_SUFFIX
from ltr.admin.locks import lock_folder
from pytracking.utils.publishing import finish_publishing, publish

_RUN = "run"
_NAME_PART = 40


@contextmanager
def staged_folder(
    folder: str | os.PathLike[str],
    entries: Sequence[str],
    overwrite: bool = False,
    wait: bool = False,
) -> Iterator[Path]:
    """Give a temporary folder whose content moves into ``folder`` when the block ends well.

    The temporary folder lies inside ``folder``, so that moving is a rename also where ``folder`` is
    a mount point. Files of other names in ``folder`` are never touched.

    Args:
        folder: Folder of the results; created if missing.
        entries: Names of all files and folders that a run may produce. The last one is moved last
            and so marks a finished run.
        overwrite: Replace these entries, instead of refusing a folder that has one.
        wait: Wait while another process works in ``folder``, instead of refusing.

    Yields:
        The temporary folder.

    Raises:
        ConfigError: ``folder`` is a file, or has results and ``overwrite`` is not set.
        LockedError: Another process works in it.
        OutputError: It cannot be written.
    """
    target = Path(folder)
    check_free(target, ())
    with translate_write_errors(target), lock_folder(target, wait):
        finish_publishing(target)
        check_free(target, () if overwrite else entries)
        with temporary_folder(target, _RUN) as staging:
            yield staging
            publish(staging, target, entries)


def check_free(folder: Path, entries: Sequence[str]) -> None:
    """Make sure that a folder can take results without replacing any.

    Raises:
        ConfigError: It is a file, or one of the entries is there.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file: expected a folder for the results")
    existing = [entry for entry in entries if (folder / entry).exists()]
    if existing:
        names = ", ".join(existing)
        raise ConfigError(f"{folder} holds results already ({names}): --overwrite replaces them")


@contextmanager
def temporary_folder(parent: Path, name: str) -> Iterator[Path]:
    """Make a hidden folder that is gone after the block; its lock says that its owner lives.

    Args:
        parent: An existing folder.
        name: Part of its name.
    """
    folder = Path(tempfile.mkdtemp(TEMPORARY_SUFFIX, f".{name[:_NAME_PART]}.", parent))
    with lock_folder(folder):
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def translate_write_errors(what: Path) -> Iterator[None]:
    """Turn failures of the file system inside the block into one sentence about ``what``.

    Raises:
        OutputError: A file or folder could not be written.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{what} cannot be written: {reason}") from error
