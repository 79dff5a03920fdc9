"""The box rule: overlap and centre error of the boxes that a tracker wrote beside its masks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import read_regular
from ltr.data.bounding_boxes import NO_BOX, measure_objects
from ltr.data.frame_files import sort_naturally
from pytracking.analysis.files.truth_folder import VideoTruth
from pytracking.analysis.metrics.starts import find_starts
from pytracking.analysis.protocols.boxes import (
    NORMALISED_THRESHOLDS,
    OVERLAP_THRESHOLDS,
    PIXEL_THRESHOLDS,
    BoxScores,
    box_curves,
    box_errors,
    mean_curves,
)
from pytracking.analysis.reports.report import Report, Table, csv_table
from pytracking.analysis.scorers.request import Request

_LOG = logging.getLogger(__name__)

_ABSENT = (0, NO_BOX)
_MAX_BYTES = 64 << 20
_COLUMNS = ("AUC", "OP50", "OP75", "Precision", "NormPrecision")


def evaluate_boxes(request: Request, videos: Sequence[VideoTruth], is_binary: bool) -> Report:
    """Score ``<results>/<video>_<id>.txt`` against the boxes of the annotated masks.

    Raises:
        DataError: A file is missing or damaged.
    """
    curves = {
        f"{video.name}_{object_id}": box_curves(box_errors(predicted, annotated))
        for video in videos
        for object_id, predicted, annotated in _objects(request.results, video, is_binary)
    }
    mean = mean_curves(list(curves.values()))
    rows = {name: _numbers(scores) for name, scores in curves.items()}
    numbers = dict(zip(_COLUMNS, _numbers(mean), strict=True))
    return Report(
        request.heading("boxes"),
        (Table(_COLUMNS, rows, "objects", total=tuple(numbers.values())),),
        mean.summary,
        numbers,
        {
            "global_results-boxes.csv": csv_table(_COLUMNS, [list(numbers.values())]),
            "per-sequence_results-boxes.csv": csv_table(
                ["Sequence", *_COLUMNS], [[name, *row] for name, row in rows.items()]
            ),
        },
        curves={
            "success": ("overlap", OVERLAP_THRESHOLDS.tolist(), "share", mean.success.tolist()),
            "precision": ("pixels", PIXEL_THRESHOLDS.tolist(), "share", mean.precision.tolist()),
            "normalised precision": (
                "share of the object's size",
                NORMALISED_THRESHOLDS.tolist(),
                "share",
                mean.normalised_precision.tolist(),
            ),
        },
    )


def _numbers(scores: BoxScores) -> tuple[float, ...]:
    return (
        scores.auc,
        scores.overlap_precision(0.5),
        scores.overlap_precision(0.75),
        scores.precision_at_20,
        scores.normalised_precision_at_20,
    )


def _objects(
    results: Path, video: VideoTruth, is_binary: bool
) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Id, predicted and annotated boxes (frames, 4) of every object, annotated frames only."""
    labels = {frame: video.read(frame) for frame in video.frames}
    if is_binary:
        labels = {frame: (mask > 0).view(np.uint8) for frame, mask in labels.items()}
    measured = {frame: measure_objects(mask) for frame, mask in labels.items()}
    starts = dict(video.starts) or find_starts(labels.items())
    tracked = sort_naturally(video.known_frames())
    begin = min(map(tracked.index, starts.values()))
    objects = []
    for object_id, start in starts.items():
        shown = tracked[max(begin, tracked.index(start)) :]
        path = results / f"{video.name}_{object_id}.txt"
        predicted = read_boxes(path)
        if len(predicted) != len(shown):
            told = "missing ones count as misses" if len(predicted) < len(shown) else "cut"
            _LOG.warning(
                "%s has %d boxes for %d frames: %s", path, len(predicted), len(shown), told
            )
        frames = [frame for frame in video.frames if frame in shown]
        annotated = np.array([measured[frame].get(object_id, _ABSENT)[1] for frame in frames])
        places = [place for frame in frames if (place := shown.index(frame)) < len(predicted)]
        objects.append((object_id, predicted[places], annotated))
    return objects


def read_boxes(path: Path) -> np.ndarray:
    """The boxes of a file, one line of ``x y width height`` per frame.

    Returns:
        (frames, 4); 0 everywhere where the file says that the object is not seen (-1).

    Raises:
        DataError: It is missing or damaged.
    """
    try:
        text = read_regular(path, _MAX_BYTES).decode().replace(",", " ")
        boxes = np.array([[float(v) for v in line.split()] for line in text.splitlines()])
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not a table of boxes: {error}") from error
    if boxes.shape[1:] != (4,):
        raise DataError(f"{path} has the shape {boxes.shape}, expected lines of 4 numbers")
    boxes[(boxes == NO_BOX).all(axis=1)] = 0
    return boxes
