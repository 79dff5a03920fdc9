"""Which code and which libraries produced a file."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_LIBRARIES = ("torch", "torchvision", "lightning", "numpy")


def versions() -> dict[str, str]:
    """Versions of Python, of this project and of the libraries that decide about numbers."""
    found = {"python": platform.python_version()}
    for name in ("vos-toolkit", *_LIBRARIES):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    import cv2  # whatever the name of its distribution

    return found | {"opencv": cv2.__version__}


def git_revision() -> str | None:
    """Commit of the source tree, ending in ``+`` when files were changed; None without git."""
    try:
        commit = _git("rev-parse", "HEAD")
        changes = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}+" if changes else commit


def command_line() -> list[str]:
    """The command of this process."""
    return list(sys.argv)


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(_ROOT), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return done.stdout.strip()
