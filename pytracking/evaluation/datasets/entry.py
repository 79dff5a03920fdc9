"""One row of a table of data sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytracking.evaluation.datasets.sequence import SequenceList


@dataclass(frozen=True)
class DatasetEntry:
    """How a data set of some name is found.

    Args:
        variable: The path variable of its root, for instance ``davis_dir``; empty where it needs
            none, as those of plug-ins.
        build: Makes its sequences from root and name.
        hint: A warning for whoever runs a tracker on it.
    """

    variable: str
    build: Callable[[Path, str], SequenceList]
    hint: str = ""
