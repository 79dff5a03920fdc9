"""Data sets with scribbles: the part of YouTube-VOS for which people drew some."""

from __future__ import annotations

from pathlib import Path

from ltr.dataset.davis import Davis
from pytracking.evaluation.datasets.sequence import SequenceList, sequence_builders


def scribble_youtubevos(root: Path, name: str) -> SequenceList:
    """``prepare_ytbvos`` gives it the layout of DAVIS."""
    return SequenceList(name, sequence_builders(Davis(root, split="val")), archive_folder="")
