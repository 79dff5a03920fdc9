"""J and F of objects over frames, and their summary over a data set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from pytracking.analysis.metrics.statistics import Statistics, mean_of, summarise


@dataclass(frozen=True)
class FrameSource:
    """Where the frames of a video lie.

    Args:
        truth: Folder of the annotations.
        results: Folder of the result masks.
        images: Folder of the pictures, if there is one.
    """

    truth: Path
    results: Path
    images: Path | None = None


@dataclass(frozen=True)
class ObjectScores:
    """The scores of one object.

    Args:
        sequence: The video.
        label: Distinguishes the objects of a video: the object's id, or that of an expression.
        frames: Names of the annotated frames.
        j: Region similarity, float64 (frames,), NaN = not scored.
        f: Boundary measure, float64 (frames,), NaN = not scored.
    """

    sequence: str
    label: str
    frames: tuple[str, ...]
    j: np.ndarray
    f: np.ndarray

    @property
    def name(self) -> str:
        """Sequence and label, as in the official tables."""
        return f"{self.sequence}_{self.label}"

    @property
    def is_unscored(self) -> bool:
        """Whether no frame of the object counts."""
        return bool(np.isnan(self.j).all())

    @cached_property
    def j_statistics(self) -> Statistics:
        """Summary of J."""
        return summarise(self.j)

    @cached_property
    def f_statistics(self) -> Statistics:
        """Summary of F."""
        return summarise(self.f)

    @property
    def j_and_f(self) -> float:
        """Mean of the means of J and F."""
        return (self.j_statistics.mean + self.f_statistics.mean) / 2


@dataclass(frozen=True)
class Scores:
    """The scores of all objects; every object counts the same.

    Args:
        objects: Scores per object, in the order of the data set.
        sources: Files by the name of the object, where masks came from files.
    """

    objects: tuple[ObjectScores, ...]
    sources: Mapping[str, FrameSource] = field(default_factory=dict)

    @classmethod
    def join(cls, parts: Iterable[Scores]) -> Scores:
        """All objects of several sequences."""
        parts = list(parts)
        sources = {name: source for part in parts for name, source in part.sources.items()}
        return cls(tuple(item for part in parts for item in part.objects), sources)

    @cached_property
    def j(self) -> Statistics:
        """Mean over objects of the summary of J."""
        return mean_of([item.j_statistics for item in self.objects])

    @cached_property
    def f(self) -> Statistics:
        """Mean over objects of the summary of F."""
        return mean_of([item.f_statistics for item in self.objects])

    @property
    def j_and_f(self) -> float:
        """Mean of J and F, 0..1."""
        return (self.j.mean + self.f.mean) / 2

    @property
    def summary(self) -> str:
        """The last line of a report, percent.

        >>> values = np.array([0.5, 1.0])
        >>> Scores((ObjectScores("dog", "1", ("00001", "00002"), values, values),)).summary
        'J&F=75.0 J=75.0 F=75.0'
        """
        return f"J&F={100 * self.j_and_f:.1f} J={100 * self.j.mean:.1f} F={100 * self.f.mean:.1f}"
