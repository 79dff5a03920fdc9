"""What trackers took, from the tables of times beside their masks."""

from __future__ import annotations

import math
from pathlib import Path

from pytracking.analysis.metrics.scores import Scores
from pytracking.analysis.reports.paired import Cost

_TIMES = "_time.txt"


def cost_of_results(scores: Scores | None) -> Cost:
    """Frames per second of a tracker, NaN where it left no times; memory is not in these tables.

    Args:
        scores: Scores of masks that came from files ``<sequence>/<frame>.png``.
    """
    folders = {} if scores is None else {
        item.sequence: scores.sources[item.name].results
        for item in scores.objects
        if item.name in scores.sources
    }  # fmt: skip
    frames, seconds = 0, 0.0
    for sequence, folder in folders.items():
        own = [
            _read_times(file)
            for file in folder.parent.glob(f"{_escaped(sequence)}_*{_TIMES}")
            if file.name[len(sequence) + 1 : -len(_TIMES)].isdecimal()
        ]
        if own:
            frames += max(len(times) for times in own)
            seconds += sum(sum(times) for times in own)
    return Cost(frames / seconds if seconds else math.nan)


def _read_times(file: Path) -> list[float]:
    """Seconds by frame; a damaged table has none."""
    try:
        return [float(line) for line in file.read_text(encoding="utf-8").split()]
    except (OSError, ValueError):
        return []


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
