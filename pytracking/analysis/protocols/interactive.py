"""Interactive DAVIS protocol: quality over the time that a user spends."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write, open_regular
from pytracking.analysis.metrics.starts import score_objects

METRICS = {"J": "jaccard", "F": "contour", "J_AND_F": "j_and_f"}
COLUMNS = (
    "session_id", "sequence", "scribble_idx", "interaction", "object_id", "frame",
    "jaccard", "contour", "j_and_f", "timing",
)  # fmt: skip

_Sample = tuple[str, int]  # sequence and number of the scribble


@dataclass(frozen=True)
class ReportRow:
    """J and F of one object in one frame after one interaction.

    Args:
        sequence: Name of the video.
        scribble: Number of the first scribble, from 1.
        interaction: Number of the round, from 1.
        object_id: Id of the object, from 1.
        frame: Index of the frame, from 0.
        jaccard: Region similarity.
        contour: Boundary measure.
        timing: Seconds that the interaction took, the same in all its rows.
    """

    sequence: str
    scribble: int
    interaction: int
    object_id: int
    frame: int
    jaccard: float
    contour: float
    timing: float

    @property
    def j_and_f(self) -> float:
        """Mean of both measures."""
        return (self.jaccard + self.contour) / 2


@dataclass(frozen=True)
class SequenceInfo:
    """What the protocol must know of a sequence of the data set."""

    num_objects: int
    num_scribbles: int


@dataclass(frozen=True)
class SessionLimits:
    """How long a session lasts.

    Args:
        max_time_per_object: Seconds; None = no limit.
        max_interactions: None = as many as the report has.
    """

    max_time_per_object: float | None = None
    max_interactions: int | None = None


@dataclass(frozen=True)
class InteractiveScores:
    """Summary of a session.

    Args:
        metric: One of ``METRICS``.
        auc: Area under the curve over its time.
        threshold: Seconds at which the curve is read.
        at_threshold: The curve there.
        time: Seconds, from 0.
        curve: The metric at these times.
    """

    metric: str
    auc: float
    threshold: float
    at_threshold: float
    time: np.ndarray
    curve: np.ndarray

    @property
    def rounds(self) -> np.ndarray:
        """The metric before the first and after every interaction, whatever time they took."""
        return self.curve[:-1]

    @property
    def auc_over_rounds(self) -> float:
        """Area under ``rounds``, every interaction counted alike (IVOS-W, arXiv 2103.10391)."""
        return float(np.mean((self.rounds[1:] + self.rounds[:-1]) / 2))

    @property
    def summary(self) -> str:
        """The last line of a report, percent."""
        name = self.metric.replace("_AND_", "&")
        return f"AUC={100 * self.auc:.1f} {name}@{self.threshold:g}s={100 * self.at_threshold:.1f}"

    def as_json(self) -> dict[str, object]:
        """The official form of the summary."""
        return {
            "auc": self.auc,
            "metric_at_threshold": {"threshold": self.threshold, self.metric: self.at_threshold},
            "curve": {"time": self.time.tolist(), self.metric: self.curve.tolist()},
        }


def score_masks(
    truths: Iterable[np.ndarray], predictions: Iterable[np.ndarray], num_objects: int
) -> tuple[np.ndarray, np.ndarray]:
    """J and F of every frame, the first and the last included; void counts as background.

    Args:
        truths: Label maps, uint8 (H, W).
        predictions: Label maps, uint8 (H, W).
        num_objects: The objects are 1 to ``num_objects``.

    Returns:
        Both float64 (frames, objects).

    Raises:
        DataError: The sizes differ.
    """
    ids = range(1, num_objects + 1)
    pairs = zip(truths, predictions, strict=True)
    values = np.stack([score_objects(truth, prediction, ids) for truth, prediction in pairs])
    return values[:, 0], values[:, 1]


def summarise_session(
    rows: Sequence[ReportRow],
    sequences: Mapping[str, SequenceInfo],
    limits: SessionLimits,
    metric: str = "J_AND_F",
    threshold: float = 60.0,
) -> InteractiveScores:
    """Reduce a report to the curve of quality over time and two numbers.

    Where an interaction is missing (the session ran out of time) the one before it counts again
    and takes no time. When the limit is shorter than the sessions, the last point of the curve goes
    back in time, as in the official program.

    Args:
        rows: The report, not empty.
        sequences: Every sequence of the data set, also those without a row.
        limits: Limits of time and rounds.
        metric: One of ``METRICS``.
        threshold: Seconds at which the curve is read.

    Raises:
        DataError: The report is empty or names an unknown sequence.
    """
    _check_rows(rows, sequences)
    last = limits.max_interactions or max(row.interaction for row in rows)
    values, timings = _grid(rows, sequences, METRICS[metric], last)
    time = np.concatenate([[0.0], np.cumsum(timings.mean(axis=1))])
    curve = np.concatenate([[0.0], values.mean(axis=1)])
    time, curve = np.append(time, _end(rows, sequences, limits, last)), np.append(curve, curve[-1])
    area = np.sum((curve[1:] + curve[:-1]) / 2 * np.diff(time))
    auc = float(area / time.max()) if time.max() else 0.0
    at_threshold = float(np.interp(threshold, time, curve))
    return InteractiveScores(metric, auc, threshold, at_threshold, time, curve)


def _check_rows(rows: Sequence[ReportRow], sequences: Mapping[str, SequenceInfo]) -> None:
    if not rows:
        raise DataError("the report has no rows")
    unknown = {row.sequence for row in rows}.difference(sequences)
    if unknown:
        raise DataError(f"the report names {min(unknown)!r}, which the data set does not have")


def _grid(
    rows: Sequence[ReportRow], sequences: Mapping[str, SequenceInfo], column: str, last: int
) -> tuple[np.ndarray, np.ndarray]:
    """The metric (interactions, objects of all samples) and seconds (interactions, samples)."""
    frames: dict[tuple[_Sample, int, int], list[float]] = defaultdict(list)
    seconds: dict[tuple[_Sample, int], float] = {}
    for row in rows:
        sample = row.sequence, row.scribble
        frames[sample, row.interaction, row.object_id].append(getattr(row, column))
        seconds[sample, row.interaction] = row.timing
    values, timings = [], []
    for name, info in sequences.items():
        for sample in ((name, scribble) for scribble in range(1, info.num_scribbles + 1)):
            current = np.zeros(info.num_objects)
            ids = range(1, info.num_objects + 1)
            for interaction in range(1, last + 1):
                found = [frames.get((sample, interaction, object_id), []) for object_id in ids]
                is_complete = all(found)
                if is_complete:
                    current = np.array([np.mean(measures) for measures in found])
                values.append(current)
                timings.append(seconds[sample, interaction] if is_complete else 0.0)
    shape = -1, last
    by_interaction = [np.concatenate(values[start::last]) for start in range(last)]
    return np.stack(by_interaction), np.reshape(timings, shape).T


def _end(
    rows: Sequence[ReportRow],
    sequences: Mapping[str, SequenceInfo],
    limits: SessionLimits,
    last: int,
) -> float:
    """Seconds at which the curve ends."""
    if limits.max_time_per_object:
        objects = [info.num_objects for info in sequences.values()]
        return float(limits.max_time_per_object * np.mean(objects))
    return last * max(row.timing for row in rows)


def write_report(path: Path, rows: Iterable[ReportRow], session_id: str = "local") -> None:
    """Write a report table (CSV) in the columns of the DAVIS framework.

    Raises:
        OSError: It cannot be written.
    """
    with atomic_write(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([session_id, *_values(row)] for row in rows)


def _values(row: ReportRow) -> list[object]:
    identity = [row.sequence, row.scribble, row.interaction, row.object_id, row.frame]
    return [*identity, row.jaccard, row.contour, row.j_and_f, row.timing]


def read_report(path: Path) -> list[ReportRow]:
    """Read a report table (CSV).

    Raises:
        DataError: The file is missing or damaged.
    """
    try:
        with open_regular(path) as binary, TextIOWrapper(binary, "utf-8", newline="") as stream:
            return [_parse_row(entry) for entry in csv.DictReader(stream)]
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        columns = ", ".join(COLUMNS)
        raise DataError(
            f"{path} is not a report ({error!r}): expected the columns {columns}"
        ) from error


def _parse_row(entry: Mapping[str, str]) -> ReportRow:
    return ReportRow(
        entry["sequence"],
        int(entry["scribble_idx"]),
        int(entry["interaction"]),
        int(entry["object_id"]),
        int(entry["frame"]),
        float(entry["jaccard"]),
        float(entry["contour"]),
        float(entry["timing"]),
    )
