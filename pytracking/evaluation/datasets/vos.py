"""DAVIS and YouTube-VOS, whose objects are given by masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ltr.dataset.davis import Davis
from ltr.dataset.youtubevos import YouTubeVOS
from pytracking.evaluation.datasets.sequence import SequenceList, sequence_builders


def davis(root: Path, name: str, result_format: str = "", **options: Any) -> SequenceList:
    """The sequences of DAVIS; ``options`` are those of ``Davis``."""
    builders = sequence_builders(Davis(root, **options))
    is_binary = options.get("version") == "2016"
    return SequenceList(
        name, builders, archive_folder="", result_format=result_format, is_binary=is_binary
    )


def youtubevos(root: Path, name: str, **options: Any) -> SequenceList:
    """The sequences of YouTube-VOS; ``options`` are those of ``YouTubeVOS``."""
    return SequenceList(name, sequence_builders(YouTubeVOS(root, **options)))
