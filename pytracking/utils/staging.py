"""Result folders that are filled whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ltr.admin.errors import ConfigError
from ltr.admin.files import TEMPORARY_SUFFIX

_PREFIX = ".unfinished-"


@contextmanager
def staged_folder(
    folder: str | os.PathLike[str], entries: Sequence[str], overwrite: bool = False
) -> Iterator[Path]:
    """Give a temporary folder whose content moves into ``folder`` when the block ends well.

    The temporary folder lies inside ``folder``, so that moving is a rename also where ``folder`` is
    a mount point. Files of other names in ``folder`` are never touched.

    Args:
        folder: Where the results belong; made where missing.
        entries: Names of all files and folders that a run may produce. The last one is moved last
            and so marks a finished run.
        overwrite: Replace these entries, instead of refusing a folder that has one.

    Yields:
        The temporary folder.

    Raises:
        ConfigError: ``folder`` is a file, or has results and ``overwrite`` is not set.
        OSError: It cannot be written.
    """
    target = Path(folder)
    check_free(target, () if overwrite else entries)
    is_new = not target.exists()
    target.mkdir(parents=True, exist_ok=True)
    try:
        staging = Path(tempfile.mkdtemp(TEMPORARY_SUFFIX, _PREFIX, target))
        try:
            yield staging
            _publish(staging, target, entries)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except BaseException:
        if is_new:
            with suppress(OSError):
                target.rmdir()
        raise


def check_free(folder: Path, entries: Sequence[str]) -> None:
    """Make sure that a folder can take results without replacing any.

    Raises:
        ConfigError: It is a file, or one of the entries is there.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file: expected a folder for the results")
    existing = _existing(folder, entries) if entries else []
    if existing:
        names = ", ".join(path.name for path in existing)
        raise ConfigError(f"{folder} holds results already ({names}): --overwrite replaces them")


def _existing(folder: Path, entries: Sequence[str]) -> list[Path]:
    """Results of another run, and what a killed one left behind."""
    named = [folder / entry for entry in entries if (folder / entry).exists()]
    return named + sorted(folder.glob(f"{_PREFIX}*"))


def _publish(staging: Path, target: Path, entries: Sequence[str]) -> None:
    for old in _existing(target, entries):
        if old != staging:
            _remove(old)
    for entry in entries:
        if (staging / entry).exists():
            os.replace(staging / entry, target / entry)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
