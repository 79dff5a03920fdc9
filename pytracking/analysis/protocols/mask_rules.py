"""The rules by which folders of masks can be scored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.frame_files import shorten
from pytracking.analysis.files.mask_evaluation import Comparison
from pytracking.analysis.files.truth_folder import VideoTruth
from pytracking.analysis.metrics.scores import ObjectScores, Scores
from pytracking.analysis.metrics.starts import (
    check_starts,
    find_starts,
    frames_after_start,
    score_objects,
    scores_after_start,
)
from pytracking.analysis.protocols import davis
from pytracking.analysis.protocols.referring import score_expression

_LOG = logging.getLogger(__name__)

MaskRule = Callable[[VideoTruth, Path], Comparison]


def davis_semi_supervised(video: VideoTruth, results: Path, is_binary: bool = False) -> Comparison:
    """DAVIS 2017, or 2016 when all labels are one object.

    Args:
        video: The annotations.
        results: Folder of the video's result masks.
        is_binary: Whether every label above 0 is object 1.

    Raises:
        DataError: There are too few frames, or the first annotation shows no object.
    """
    frames = video.frames[1:-1]
    if not frames:
        raise DataError(
            f"{video.folder} has {len(video.frames)} annotations, expected three or more"
        )
    objects = (1,) if is_binary else _objects(video)
    compare = _score_merged if is_binary else partial(davis.score_frame, object_ids=objects)
    assemble = partial(davis.semi_supervised_scores, video.name, frames, object_ids=objects)
    return Comparison(video, results, frames, compare, assemble)


def davis_unsupervised(video: VideoTruth, results: Path, measures: str = "JF") -> Comparison:
    """DAVIS 2017 unsupervised: proposals are matched to objects.

    Args:
        video: The annotations.
        results: Folder of the video's result masks.
        measures: What the matching maximises, ``"J"``, ``"F"`` or ``"JF"``.

    Raises:
        DataError: The first annotation shows no object.
    """
    compare = partial(davis.score_proposals, object_ids=_objects(video))
    assemble = partial(davis.unsupervised_scores, video.name, video.frames, measures=measures)
    return Comparison(video, results, video.frames, compare, assemble)


def after_start(
    video: VideoTruth, results: Path, with_last_frame: bool, is_binary: bool = False
) -> Comparison:
    """The frames after each object's first one: YouTube-VOS (with the last), pytracking (without).

    Args:
        video: The annotations; without a list of starts an object starts where it is first seen.
        results: Folder of the video's result masks.
        with_last_frame: Whether the last annotated frame counts.
        is_binary: Whether every label above 0 is object 1.

    Raises:
        DataError: The annotations show no object.
    """
    starts = dict(video.starts) or find_starts(
        (frame, _merged(video.read(frame)) if is_binary else video.read(frame))
        for frame in video.frames
    )
    check_starts(video.name, video.frames, starts)
    scored = frames_after_start(video.frames, starts, with_last_frame)
    compare = _score_merged if is_binary else partial(score_objects, object_ids=tuple(starts))
    assemble = partial(scores_after_start, video.name, video.frames, starts, scored)
    return Comparison(video, results, scored, compare, assemble)


def expression(video: VideoTruth, results: Path, label: str, object_id: int) -> Comparison:
    """One expression of Ref-YouTube-VOS: a mask that is set where not 0, every annotated frame.

    Args:
        video: The annotations.
        results: Folder of the expression's masks.
        label: Label of the expression in the report.
        object_id: The object that it means.
    """
    compare = partial(score_expression, object_id=object_id)
    assemble = partial(_assemble_expression, video.name, label, video.frames)
    return Comparison(video, results, video.frames, compare, assemble)


def _objects(video: VideoTruth) -> tuple[int, ...]:
    """The ids to score; further annotations are read only where the first one has gaps."""
    if not video.frames:
        raise DataError(f"{video.folder} holds no annotation")
    objects = davis.Objects()
    try:
        any(objects.look(video.read(frame)) for frame in video.frames)
    except DataError as error:
        raise DataError(f"{video.folder}: {error}") from error
    if objects.unseen:
        unseen = shorten(list(map(str, objects.unseen)))
        fate = "not scored" if objects.are_left_out else "counted, as the official rule has it"
        _LOG.warning("%s: no annotation shows the objects %s: %s", video.name, unseen, fate)
    return objects.ids


def _merged(labels: np.ndarray) -> np.ndarray:
    return (labels > 0).view(np.uint8)


def _score_merged(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return score_objects(_merged(truth), _merged(prediction), (1,))


def _assemble_expression(
    name: str, label: str, frames: tuple[str, ...], values: Sequence[np.ndarray]
) -> Scores:
    j, f = np.stack(values, axis=-1)[:, 0]
    return Scores((ObjectScores(name, label, frames, j, f),))
