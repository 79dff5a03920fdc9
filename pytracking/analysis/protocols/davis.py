"""DAVIS protocols on arrays: semi-supervised (2016, 2017) and unsupervised (2017, 2019)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.mask_metrics.frame_pair import FramePair
from ltr.data.palette import VOID
from pytracking.analysis.metrics.matching import match_proposals
from pytracking.analysis.metrics.scores import ObjectScores, Scores

MAX_PROPOSALS = 20

_Pair = tuple[np.ndarray, np.ndarray]


def score_clip(
    ground_truth: Iterable[np.ndarray], predictions: Iterable[np.ndarray], name: str = "clip"
) -> Scores:
    """Score a video by the semi-supervised rules; frames are taken one by one.

    The objects are those of the first annotation; the first and the last frame do not count;
    void (255) in the ground truth is background.

    Args:
        ground_truth: Label map of every frame, uint8 (H, W).
        predictions: Label map of every frame, uint8 (H, W), the first and the last included.
        name: Name of the video.

    Raises:
        DataError: The lengths or sizes differ, there are fewer than three frames, no object, or
            an id that the first annotation does not have.

    >>> truth = np.zeros((3, 9, 9), np.uint8)
    >>> truth[:, 2:6, 2:6] = 1
    >>> score_clip(truth, truth).summary
    'J&F=100.0 J=100.0 F=100.0'
    """
    objects, values = Objects(), []
    for position, (truth, prediction) in _without_last(_pairs(name, ground_truth, predictions)):
        objects.look(truth)
        if position:
            values.append(score_frame(truth, prediction, objects.all_ids))
    kept = [frame[:, objects.places] for frame in values]
    return semi_supervised_scores(name, _frame_names(1, len(values)), kept, objects.ids)


def score_clip_unsupervised(
    ground_truth: Iterable[np.ndarray],
    predictions: Iterable[np.ndarray],
    name: str = "clip",
    measures: str = "JF",
) -> Scores:
    """Score a video by the unsupervised rules: proposals are matched to objects, void is left out.

    Args:
        ground_truth: Label map of every frame, uint8 (H, W), 255 = void.
        predictions: Label map of every frame with up to 20 proposals, uint8 (H, W).
        name: Name of the video.
        measures: What the assignment maximises: ``"J"``, ``"F"`` or ``"JF"``, their mean.

    Returns:
        The matched pairs by ascending id of the proposal, labelled from 1 on, as upstream does.

    Raises:
        DataError: The lengths or sizes differ, there is no frame or object, or too many proposals.
    """
    objects, values = Objects(), []
    for _, (truth, prediction) in _pairs(name, ground_truth, predictions):
        objects.look(truth)
        values.append(score_proposals(truth, prediction, objects.all_ids))
    kept = [frame[..., objects.places] for frame in values]
    return unsupervised_scores(name, _frame_names(0, len(values)), kept, measures)


class Objects:
    """The objects of a video: 1 to the largest id of its first annotation.

    Like the official program this counts ids that no annotation shows, with a J and F of 1 where
    the prediction lacks them too. Where most ids are such, they are not: then the ids are no
    numbers of objects, for instance where the only one is 127.
    """

    def __init__(self) -> None:
        self.all_ids: tuple[int, ...] = ()
        self._unseen: set[int] = set()

    def look(self, truth: np.ndarray) -> bool:
        """Note the ids of an annotation, the first one first.

        Args:
            truth: Label map, uint8 (H, W), 255 = void.

        Returns:
            Whether all objects have been seen, so that further annotations change nothing.

        Raises:
            DataError: The first annotation shows none.
        """
        if not self.all_ids:
            self.all_ids = tuple(range(1, count_objects(truth) + 1))
            self._unseen = set(self.all_ids)
        if self._unseen:
            counts = np.bincount(truth.ravel(), minlength=VOID + 1)
            self._unseen.difference_update(np.flatnonzero(counts).tolist())
        return not self._unseen

    @property
    def places(self) -> list[int]:
        """Where in ``all_ids`` the scored objects stand."""
        left_out = self._unseen if self.are_left_out else ()
        return [place for place, number in enumerate(self.all_ids) if number not in left_out]

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids that are scored."""
        return tuple(self.all_ids[place] for place in self.places)

    @property
    def are_left_out(self) -> bool:
        """Whether ``unseen`` does not count."""
        return 2 * len(self._unseen) > len(self.all_ids)

    @property
    def unseen(self) -> list[int]:
        """The ids below the largest one that no annotation shows."""
        return sorted(self._unseen)


def count_objects(first: np.ndarray) -> int:
    """Number of objects of a video: the largest id of its first annotation.

    Raises:
        DataError: The annotation shows none.
    """
    num_objects = int(np.max(first, where=first != VOID, initial=0))
    if not num_objects:
        raise DataError("the first annotation shows no object")
    return num_objects


def score_frame(truth: np.ndarray, prediction: np.ndarray, object_ids: Sequence[int]) -> np.ndarray:
    """J and F of the objects in a frame; void counts as background.

    Args:
        truth: Label map, uint8 (H, W).
        prediction: Label map, uint8 (H, W).
        object_ids: The objects, in ascending order.

    Returns:
        float64 (2, objects).

    Raises:
        DataError: The sizes differ, or the prediction has a larger id.
    """
    found = int(prediction.max(initial=0))
    if found > object_ids[-1]:
        raise DataError(
            f"the prediction holds the id {found}, the first annotation only 1 to {object_ids[-1]}"
        )
    pair = FramePair(truth, prediction)
    return np.array(
        [[pair.jaccard(i, i) for i in object_ids], [pair.boundary_f(i, i) for i in object_ids]]
    )


def score_proposals(
    truth: np.ndarray, prediction: np.ndarray, object_ids: Sequence[int]
) -> np.ndarray:
    """J and F of every proposal with every object in a frame, void pixels left out.

    Args:
        truth: Label map, uint8 (H, W), 255 = void.
        prediction: Label map, uint8 (H, W).
        object_ids: The objects.

    Returns:
        float64 (2, proposals + 1, objects): a row for each id up to the largest one of this
        frame, and a last one for a proposal that is absent.

    Raises:
        DataError: The sizes differ, or there are too many proposals.
    """
    found = int(prediction.max(initial=0))
    if found > MAX_PROPOSALS:
        raise DataError(
            f"the prediction holds the id {found}: at most {MAX_PROPOSALS} proposals are allowed"
        )
    void = truth == VOID
    pair = FramePair(truth, prediction, void if void.any() else None)
    proposals = range(1, found + 2)
    return np.array(
        [
            [[pair.jaccard(i, proposal) for i in object_ids] for proposal in proposals],
            [[pair.boundary_f(i, proposal) for i in object_ids] for proposal in proposals],
        ]
    )


def semi_supervised_scores(
    name: str, frames: Sequence[str], values: Sequence[np.ndarray], object_ids: Sequence[int]
) -> Scores:
    """The objects of one video from the values of its frames.

    Args:
        name: Name of the video.
        frames: Names of the scored frames.
        values: Values per frame, from ``score_frame``.
        object_ids: The objects of the values.

    Raises:
        DataError: There is no scored frame.
    """
    if not values:
        raise DataError(f"{name} has no frame to score: the first and the last do not count")
    return label_objects(name, frames, np.stack(values, axis=-1), object_ids)


def unsupervised_scores(
    name: str, frames: Sequence[str], values: Sequence[np.ndarray], measures: str = "JF"
) -> Scores:
    """Match the proposals of one video to its objects.

    Args:
        name: Name of the video.
        frames: Names of the frames.
        values: Values per frame, from ``score_proposals``.
        measures: Measures that decide the assignment, see ``score_clip_unsupervised``.

    Raises:
        DataError: There is no frame.
    """
    if not values:
        raise DataError(f"{name} has no frame to score")
    table = proposal_table(values)
    rows = [index for index, measure in enumerate("JF") if measure in measures]
    proposals, objects = match_proposals(table[rows].mean(axis=(0, -1)))
    positions = range(1, len(objects) + 1)
    return label_objects(name, frames, table[:, proposals, objects], positions)


def proposal_table(values: Sequence[np.ndarray]) -> np.ndarray:
    """Put frames with different numbers of proposals together, at least one for each object.

    Args:
        values: Values per frame, from ``score_proposals``.

    Returns:
        float64 (2, proposals, objects, frames).
    """
    most = max(*(frame.shape[1] - 1 for frame in values), values[0].shape[2])
    padded = [
        np.concatenate([frame, *[frame[:, -1:]] * (most - frame.shape[1])], axis=1)[:, :most]
        for frame in values
    ]
    return np.stack(padded, axis=-1)


def label_objects(
    name: str, frames: Sequence[str], values: np.ndarray, labels: Sequence[int]
) -> Scores:
    """Name the rows ``<name>_1``, ``<name>_2``, ... as the official tables do.

    Args:
        name: Name of the video.
        frames: Names of the scored frames.
        values: J and F, float64 (2, objects, frames).
        labels: A number for each object.
    """
    return Scores(
        tuple(
            ObjectScores(name, str(label), tuple(frames), j, f)
            for label, j, f in zip(labels, *values, strict=True)
        )
    )


def _pairs(
    name: str, truths: Iterable[np.ndarray], predictions: Iterable[np.ndarray]
) -> Iterator[tuple[int, _Pair]]:
    for position, (truth, prediction) in enumerate(zip_longest(truths, predictions)):
        if truth is None or prediction is None:
            shorter = "ground truth" if truth is None else "predictions"
            raise DataError(
                f"{name}: the {shorter} ended after {position} frames, the other did not"
            )
        yield position, (truth, prediction)


def _without_last(items: Iterable[tuple[int, _Pair]]) -> Iterator[tuple[int, _Pair]]:
    previous = None
    for item in items:
        if previous is not None:
            yield previous
        previous = item


def _frame_names(first: int, count: int) -> list[str]:
    return [f"{number:05d}" for number in range(first, first + count)]
