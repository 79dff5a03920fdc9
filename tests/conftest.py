"""Fixtures of all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from ltr.admin.environment import TrainEnvironment
from pytracking.utils.environment import EvaluationEnvironment

# Time limits of single examples would make the outcome depend on how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def local_files(tmp_path_factory, monkeypatch) -> tuple[Path, Path]:
    """Hide the machine's own paths: tests see neither its local.py files nor its variables.

    Returns:
        Where the training and the evaluation library look for their local.py instead.
    """
    monkeypatch.setenv("VOS_PLUGINS", "")
    for name in list(os.environ):
        if name.startswith((f"{TrainEnvironment.prefix}_", f"{EvaluationEnvironment.prefix}_")):
            monkeypatch.delenv(name)
    folder = tmp_path_factory.mktemp("environment")
    train, evaluation = folder / "ltr" / "local.py", folder / "pytracking" / "local.py"
    monkeypatch.setattr(TrainEnvironment, "file", train)
    monkeypatch.setattr(EvaluationEnvironment, "file", evaluation)
    return train, evaluation


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory, monkeypatch) -> Path:
    """Keep what the measurements of data sets leave out of the user's cache folder."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder
