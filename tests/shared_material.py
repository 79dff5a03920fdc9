"""Where the reference values and the small data sets lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parents[2] / "shared"


def shared_dir() -> Path:
    """The folder of ``VOS_SHARED_DIR``, or ``shared`` beside the checkout; skips when absent."""
    folder = Path(os.environ.get("VOS_SHARED_DIR", _DEFAULT))
    if not folder.is_dir():
        pytest.skip(f"reference material not found in {folder} (set VOS_SHARED_DIR)")
    return folder


def golden(part: str) -> Path:
    """Reference values of one part, for instance ``joint``."""
    return _present(shared_dir() / "golden" / part)


def data(name: str) -> Path:
    """One of the small data sets, for instance ``davis-mini``."""
    return _present(shared_dir() / "data" / name)


def _present(folder: Path) -> Path:
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder
