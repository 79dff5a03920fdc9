"""One writer per folder: locks that the system frees when their owner ends, however it ends.

A lock is a hidden file that its owner holds locked and that tells who that is. The kernel keeps the
lock, not the number of a process: so it holds between containers that share a disk and a host name,
and between machines where the disk passes locks on (NFS does). Children never hold what their
parent locked.
"""

from __future__ import annotations

import errno
import getpass
import json
import logging
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ltr.admin.cli import describe_os_error
from ltr.admin.errors import LockedError, OutputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # asked for before every use

LOCK_FILE = ".lock"
_LOG = logging.getLogger(__name__)
_POLL_S = 0.5
_MAX_BYTES = 4096
_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_held: set[int] = set()  # open files of this process that carry a lock


@dataclass(frozen=True)
class FolderLock:
    """A lock that this process holds.

    Args:
        file: The lock file.
        handle: The open file that carries the lock.
    """

    file: Path
    handle: int

    def release(self) -> None:
        """Let others in; the file goes, unless the folder was renamed."""
        if _is_at(self.handle, self.file):
            with suppress(OSError):
                self.file.unlink()
        _held.discard(self.handle)
        os.close(self.handle)


@contextmanager
def lock_folder(folder: str | os.PathLike[str], wait: bool = False) -> Iterator[None]:
    """Be the only one who writes into a folder, as long as the block runs.

    Args:
        folder: It is made where it is missing, and goes again where the block left it empty.
        wait: Wait for its owner's end, instead of refusing.

    Raises:
        LockedError: Another process works in it; the sentence names the owner.
        OutputError: The folder cannot be written.
    """
    folder = Path(folder)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    is_told = False
    while (lock := try_lock(folder)) is None:
        if not wait:
            raise LockedError(
                f"{folder} is in use by {_owner(folder / LOCK_FILE)}: wait for its end (--wait) "
                "or choose another folder"
            )
        if not is_told:
            _LOG.warning("waiting: %s is in use by %s", folder, _owner(folder / LOCK_FILE))
        is_told = True
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        lock.release()
        with suppress(OSError):
            for path in missing:
                path.rmdir()


def try_lock(folder: Path) -> FolderLock | None:
    """Lock a folder; None when another process, or another part of this one, holds it.

    Raises:
        OutputError: The folder cannot be written.
    """
    file = folder / LOCK_FILE
    try:
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            handle = _open(file)
            if not _flock(handle):
                os.close(handle)
                return None
            if _is_at(handle, file):  # its last owner may have removed it meanwhile
                break
            os.close(handle)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {describe_os_error(error)}") from error
    _held.add(handle)
    os.ftruncate(handle, 0)
    os.pwrite(handle, _signature(), 0)
    return FolderLock(file, handle)


def is_locked(folder: Path) -> bool | None:
    """Whether a living process holds a folder's lock; None where the disk knows no locks."""
    try:
        handle = os.open(folder / LOCK_FILE, _FLAGS)
    except FileNotFoundError:
        return False
    except OSError:  # another user's
        return None
    try:
        return not _flock(handle, is_strict=True)
    except OSError:
        return None
    finally:
        os.close(handle)


def _open(file: Path) -> int:
    """Open a lock file, which must be a plain file of its own: it is going to be written."""
    handle = os.open(file, _FLAGS | os.O_CREAT, 0o666)
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(handle)
        raise OSError(errno.EINVAL, "Not a plain file", os.fspath(file))
    return handle


def _flock(handle: int, is_strict: bool = False) -> bool:
    """Lock an open file; where the disk does not support locks, say so and continue without one."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if is_strict or error.errno not in _NO_LOCKS:
            raise
        _LOG.warning(
            "this disk does not support locks: nothing prevents a second run in the same folder"
        )
    return True


def _is_at(handle: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(file))
    except OSError:
        return False


def _signature() -> bytes:
    """Who holds the lock, for the sentence that others get."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without a name for its user
        user = f"user {os.getuid()}"
    owner = {
        "user": user,
        "host": socket.gethostname(),
        "process": os.getpid(),
        "started": datetime.now().astimezone().isoformat(" ", "seconds"),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:3]]),
    }
    return json.dumps(owner).encode()[:_MAX_BYTES]


def _owner(file: Path) -> str:
    """Describe the owner by what the lock file tells, which anybody may have written."""
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as stream:
            told = json.loads(stream.read(_MAX_BYTES))
        values = [str(told[key]) for key in ("user", "process", "host", "started", "command")]
    except (OSError, ValueError, LookupError, TypeError):
        return "another process"
    user, process, host, started, command = ("".join(filter(str.isprintable, v)) for v in values)
    return f"process {process} of {user} on {host} since {started} ({command})"


def _forget_in_child() -> None:
    """A forked child closes its copies; otherwise it would hold the locks on after its parent."""
    while _held:
        with suppress(OSError):
            os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
