"""Objects that start in any frame of a video: which of their frames count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.mask_metrics.frame_pair import FramePair
from ltr.data.palette import VOID
from pytracking.analysis.metrics.scores import ObjectScores, Scores


def score_objects(
    truth: np.ndarray, prediction: np.ndarray, object_ids: Sequence[int]
) -> np.ndarray:
    """J and F of some objects in a frame; other ids count as background.

    Returns:
        float64 (2, objects).

    Raises:
        DataError: The sizes differ.
    """
    pair = FramePair(truth, prediction)
    return np.array(
        [[pair.jaccard(i, i) for i in object_ids], [pair.boundary_f(i, i) for i in object_ids]]
    )


def score_after_start(
    ground_truth: Iterable[np.ndarray],
    predictions: Iterable[np.ndarray],
    frames: Sequence[str],
    starts: Mapping[int, str],
    name: str,
    *,
    with_last_frame: bool,
) -> Scores:
    """Score the annotated frames after each object's first one.

    Args:
        ground_truth: Label maps of the annotated frames, uint8 (H, W).
        predictions: Label maps of the same frames.
        frames: Names of the same frames, in order.
        starts: The frame in which each object is given, by id.
        name: Name of the video.
        with_last_frame: Whether the last annotated frame counts.

    Raises:
        DataError: The sizes differ, or an object starts in a frame that is not annotated.
    """
    check_starts(name, frames, starts)
    scored = frames_after_start(frames, starts, with_last_frame)
    values = [
        score_objects(truth, prediction, tuple(starts))
        for frame, truth, prediction in zip(frames, ground_truth, predictions, strict=True)
        if frame in scored
    ]
    return scores_after_start(name, frames, starts, scored, values)


def frames_after_start(
    frames: Sequence[str], starts: Mapping[int, str], with_last_frame: bool
) -> tuple[str, ...]:
    """The annotated frames in which at least one object counts."""
    first = min(frames.index(start) for start in starts.values())
    return tuple(frames[first + 1 : None if with_last_frame else -1])


def scores_after_start(
    name: str,
    frames: Sequence[str],
    starts: Mapping[int, str],
    scored: Sequence[str],
    values: Sequence[np.ndarray],
) -> Scores:
    """The objects of one video; an object counts in the scored frames after its first one.

    Args:
        name: Name of the video.
        frames: Names of the annotated frames, in order.
        starts: The frame in which each object is given, by id.
        scored: The frames that were compared.
        values: Values per scored frame, float64 (2, objects), in the order of ``starts``.
    """
    table = np.full((2, len(starts), len(frames)), np.nan)
    for frame, value in zip(scored, values, strict=True):
        table[..., frames.index(frame)] = value
    objects = []
    for column, (object_id, start) in enumerate(starts.items()):
        table[:, column, : frames.index(start) + 1] = np.nan
        objects.append(ObjectScores(name, str(object_id), tuple(frames), *table[:, column]))
    return Scores(tuple(objects))


def check_starts(name: str, frames: Sequence[str], starts: Mapping[int, str]) -> None:
    """Refuse objects without a first frame among the annotated ones.

    Raises:
        DataError: There is no object, or one starts elsewhere.
    """
    if not starts:
        raise DataError(f"{name}: no annotation shows an object")
    for object_id, start in starts.items():
        if start not in frames:
            raise DataError(
                f"{name}: the object {object_id} starts in the frame {start}, which has no "
                "annotation"
            )


def find_starts(frames: Iterable[tuple[str, np.ndarray]]) -> dict[int, str]:
    """The first frame that shows each object, by id in ascending order.

    Args:
        frames: Name and label map of the annotated frames, in order.
    """
    starts: dict[int, str] = {}
    for name, labels in frames:
        counts = np.bincount(labels.ravel(), minlength=VOID + 1)
        for label in (counts[1:VOID].nonzero()[0] + 1).tolist():
            starts.setdefault(label, name)
    return dict(sorted(starts.items()))
