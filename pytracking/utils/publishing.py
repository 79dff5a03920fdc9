"""Replacing finished results: at every moment the old ones or the new ones are whole.

New results lie complete in a hidden folder, and its renaming decides: from then on they count. The
marker of the old ones is taken away first, then the rest of them; the new ones are moved in, their
marker last. A process that is killed on the way leaves the hidden folder, and whoever comes next
moves on from there.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ltr.admin.files import TEMPORARY_SUFFIX
from ltr.admin.locks import is_locked

_DECIDED_SUFFIX = ".decided"
_DECIDED, _TEMPORARY = f".*{_DECIDED_SUFFIX}", f".*{TEMPORARY_SUFFIX}"  # names of hidden folders
_ENTRIES, _OLD, _OLD_IS_AWAY = ".entries.json", ".old", ".old_is_away"
_ONE_DAY_S = 86400.0
_FLUSHED_TOGETHER = 8


def publish(staging: Path, target: Path, entries: Sequence[str]) -> None:
    """Move complete results to their place.

    Args:
        staging: A hidden folder inside ``target``, named by ``temporary_folder``; it is used up.
        target: The folder of the results.
        entries: Names of all files and folders that results consist of; what is not in ``staging``
            goes from ``target`` too. The last one marks finished results.
    """
    (staging / _ENTRIES).write_text(json.dumps(list(entries)), encoding="utf-8")
    with ThreadPoolExecutor(_FLUSHED_TOGETHER) as pool:  # which a disk does in one go
        list(pool.map(_flush, [path for path in staging.rglob("*") if not path.is_symlink()]))
    for folder in filter(Path.is_dir, sorted(target.glob(_DECIDED))):
        if is_abandoned(folder):
            _move_in(folder, target)
        elif _entries_of(folder)[-1] == entries[-1]:  # a lost machine's: ours are newer
            _drop(folder)
    decided = staging.with_name(staging.name.removesuffix(TEMPORARY_SUFFIX) + _DECIDED_SUFFIX)
    os.rename(staging, decided)
    _flush(target)
    _move_in(decided, target)


def finish_publishing(target: Path) -> None:
    """Move in the results that killed processes had decided on, and remove what they left over.

    Call it while the folder is locked: a hidden folder counts as left over until its own lock is
    taken.
    """
    for folder in filter(Path.is_dir, sorted(target.glob(_DECIDED))):
        if is_abandoned(folder):
            _move_in(folder, target)
    for folder in filter(Path.is_dir, sorted(target.glob(_TEMPORARY))):
        if is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def discard(path: Path) -> None:
    """Remove a file or folder that marks finished results: it is gone at once or still whole."""
    away = path.with_name(f".{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
    with suppress(FileNotFoundError):
        os.rename(path, away)
        _remove(away)


def is_abandoned(folder: Path) -> bool:
    """Whether the process that fills a hidden folder is gone; without locks, whether it is old."""
    is_held = is_locked(folder)
    if is_held is None:
        return time.time() - folder.stat().st_mtime > _ONE_DAY_S
    return not is_held


def _move_in(decided: Path, target: Path) -> None:
    entries = _entries_of(decided)
    old = decided / _OLD
    if not (decided / _OLD_IS_AWAY).exists():
        old.mkdir(exist_ok=True)
        for entry in reversed(entries):
            if os.path.lexists(target / entry):
                os.rename(target / entry, old / entry)
        (decided / _OLD_IS_AWAY).touch()
    for entry in entries:
        if os.path.lexists(decided / entry):
            os.rename(decided / entry, target / entry)
    _flush(target)
    _drop(decided)


def _entries_of(decided: Path) -> list[str]:
    entries: list[str] = json.loads((decided / _ENTRIES).read_text(encoding="utf-8"))
    return entries


def _drop(decided: Path) -> None:
    """Remove a folder after giving it a name that is only swept: its parts go in any order."""
    done = decided.with_name(decided.name.removesuffix(_DECIDED_SUFFIX) + TEMPORARY_SUFFIX)
    os.rename(decided, done)
    shutil.rmtree(done, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
