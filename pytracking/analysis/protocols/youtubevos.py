"""YouTube-VOS protocol: seen and unseen categories, objects that start in any frame."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from pytracking.analysis.metrics.scores import ObjectScores, Scores
from pytracking.analysis.metrics.starts import score_after_start


@dataclass(frozen=True)
class GroupScores:
    """The numbers of the YouTube-VOS tables, 0..1; NaN for a group without objects.

    Args:
        j_seen: J of the objects whose category occurs in the training set.
        j_unseen: J of the others.
        f_seen: F of the first.
        f_unseen: F of the others.
    """

    j_seen: float
    j_unseen: float
    f_seen: float
    f_unseen: float

    @property
    def overall(self) -> float:
        """G, the mean of the four; of the defined ones when a group is empty."""
        return _mean([self.j_seen, self.j_unseen, self.f_seen, self.f_unseen])

    @property
    def summary(self) -> str:
        """The last line of a report, percent; J and F are means over the groups, J&F is G."""
        j, f = _mean([self.j_seen, self.j_unseen]), _mean([self.f_seen, self.f_unseen])
        return f"J&F={100 * self.overall:.1f} J={100 * j:.1f} F={100 * f:.1f}"


def score_video(
    ground_truth: Iterable[np.ndarray],
    predictions: Iterable[np.ndarray],
    frames: Iterable[str],
    starts: Mapping[int, str],
    name: str = "video",
) -> Scores:
    """Score every annotated frame after an object's first one, the last included.

    The official server's program is not public; this is the rule that its pages describe, and two
    empty masks count 1.

    Args:
        ground_truth: Label maps of the annotated frames, uint8 (H, W).
        predictions: Label maps of the same frames.
        frames: Names of the same frames.
        starts: The frame in which each object is given, by id.
        name: Name of the video.

    Raises:
        DataError: The sizes differ, or an object starts in a frame that is not annotated.
    """
    return score_after_start(
        ground_truth, predictions, tuple(frames), starts, name, with_last_frame=True
    )


def group_scores(
    scores: Scores, categories: Mapping[tuple[str, str], str], seen: Collection[str]
) -> GroupScores:
    """Average over the objects of each group.

    Args:
        scores: Scores of all objects.
        categories: Category by sequence and label of an object.
        seen: The categories of the training set.
    """
    groups: dict[bool, list[ObjectScores]] = {True: [], False: []}
    for item in scores.objects:
        groups[categories[item.sequence, item.label] in seen].append(item)
    j = {key: _mean([item.j_statistics.mean for item in group]) for key, group in groups.items()}
    f = {key: _mean([item.f_statistics.mean for item in group]) for key, group in groups.items()}
    return GroupScores(j[True], j[False], f[True], f[False])


def _mean(values: list[float]) -> float:
    defined = [value for value in values if not np.isnan(value)]
    return float(np.mean(defined)) if defined else float("nan")
