"""Messages that only processes of one launch can have written.

The store of a launch believes everybody who reaches its port. So every message carries a code that
depends on a secret of the launch, and is not looked at before the code was found right. The secret
travels through a file that only the user may read, or stands in ``VOS_LAUNCH_SECRET`` where
machines share no home folder.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import stat
import time
from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path

from ltr.admin.errors import ConfigError, WorkerError

SECRET_VARIABLE = "VOS_LAUNCH_SECRET"
_NAME = re.compile(r"[0-9a-f]{32}")
_CODE_BYTES = 32
_PATIENCE_S, _POLL_S = 60.0, 0.05


class Seal:
    """Seals messages, and opens those that the same launch sealed.

    Args:
        secret: Random bytes that only the processes of one launch know.
        name: Identifies the launch; messages of another launch do not open.
        file: Where the secret lies, to be removed by ``forget``; None where it lies nowhere.
    """

    def __init__(self, secret: bytes, name: str, file: Path | None = None) -> None:
        self._key = hmac.digest(secret, name.encode(), "sha256")
        self._file = file

    def seal(self, place: str, content: bytes) -> str:
        """A message for one place, as a text; it does not open at another."""
        return base64.b64encode(self._code(place, content) + content).decode()

    def open(self, place: str, message: bytes) -> bytes:
        """The content of a message.

        Raises:
            WorkerError: No process of this launch wrote it, for this place.
        """
        try:
            sealed = base64.b64decode(message)
        except ValueError:
            sealed = b""
        code, content = sealed[:_CODE_BYTES], sealed[_CODE_BYTES:]
        if not hmac.compare_digest(code, self._code(place, content)):
            raise WorkerError(
                f"the message {place!r} in the store of torchrun is not from this launch: "
                "another program can reach its port"
            )
        return content

    def forget(self) -> None:
        """Remove the secret."""
        if self._file is not None:
            self._file.unlink(missing_ok=True)

    def _code(self, place: str, content: bytes) -> bytes:
        return hmac.digest(self._key, place.encode() + b"\0" + content, hashlib.sha256)


def make_seal(publish: Callable[[str], None]) -> Seal:
    """The seal of the first process.

    Args:
        publish: Tells the others the name of the launch, which is not secret.

    Raises:
        OSError: The secret cannot be written.
    """
    name = secrets.token_hex(16)
    given = os.environ.get(SECRET_VARIABLE)
    if given:
        publish(name)
        return Seal(given.encode(), name)
    file, secret = _folder() / name, secrets.token_bytes(_CODE_BYTES)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = file.with_name(f".{name}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        stream.write(secret)
    temporary.rename(file)
    publish(name)
    return Seal(secret, name, file)


def find_seal(name: str, patience_s: float = _PATIENCE_S) -> Seal:
    """The seal of any other process.

    Args:
        name: What the first one published; anybody may have put something else there.
        patience_s: How long the secret is waited for, which a network disk may show late.

    Raises:
        ConfigError: The secret is not there.
        WorkerError: It is not a name of a launch.
    """
    if not _NAME.fullmatch(name):
        raise WorkerError("the name in the store of torchrun is not from this launch")
    given = os.environ.get(SECRET_VARIABLE)
    if given:
        return Seal(given.encode(), name)
    end = time.monotonic() + patience_s
    while (secret := _read(_folder() / name)) is None:
        if time.monotonic() > end:
            raise ConfigError(
                f"the secret of the launch is not in {_folder()}: where machines share no home "
                f"folder, set {SECRET_VARIABLE} to the same long random text on all of them"
            )
        time.sleep(_POLL_S)
    return Seal(secret, name)


def _folder() -> Path:
    return user_cache_path("vos-toolkit", appauthor=False) / "launches"


def _read(file: Path) -> bytes | None:
    """The secret in a file that nobody else can have written or read; None where it is none."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as stream:
        found = os.fstat(stream.fileno())
        is_ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid()
        secret = stream.read(_CODE_BYTES) if is_ours and not found.st_mode & 0o077 else b""
    return secret if len(secret) == _CODE_BYTES else None
