"""Scribbles as lines, pixels and files.

Points are ``(x, y)`` fractions of the frame's width and height; pixels are ``(x, y)`` too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.cli import describe_os_error
from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write, read_regular
from ltr.data.palette import VOID

NOTHING = -1  # value of a pixel that no line touches
_MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class ScribbleLine:
    """One stroke of a scribble.

    Args:
        path: float64 (points, 2), ``(x, y)`` as fractions 0..1 of width and height.
        object_id: The object that it marks, 0 = background.
        start_time: When it was begun, in the clock of its author.
        end_time: When it was ended.

    Raises:
        DataError: The path has no point or points outside the frame, or no object has this id.
    """

    path: np.ndarray
    object_id: int
    start_time: float = 0
    end_time: float = 0

    def __post_init__(self) -> None:
        path = np.asarray(self.path, np.float64)
        if path.ndim != 2 or path.shape[1] != 2 or not len(path):
            raise DataError(f"a scribble is a list of (x, y) points, got the shape {path.shape}")
        if not ((path >= 0) & (path <= 1)).all():
            raise DataError("the points of a scribble must lie between 0 and 1")
        if not 0 <= self.object_id < VOID:
            raise DataError(f"object ids lie between 0 and {VOID - 1}, got {self.object_id}")
        object.__setattr__(self, "path", path)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ScribbleLine:
        """Read one line of a DAVIS scribble file; unknown fields are ignored.

        Raises:
            DataError: ``path`` or ``object_id`` is missing or of another form.
        """
        try:
            path = np.asarray(record["path"], np.float64)
            times = [float(record.get(name, 0)) for name in ("start_time", "end_time")]
            return cls(path, int(record["object_id"]), *times)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise DataError(
                f"a scribble has no 'path' of points and 'object_id' ({error!r})"
            ) from error

    def as_record(self) -> dict[str, Any]:
        """The line in the form of a DAVIS scribble file."""
        return {
            "path": self.path.tolist(),
            "object_id": self.object_id,
            "start_time": self.start_time,
            "end_time": self.end_time,
        }


@dataclass(frozen=True)
class VideoScribbles:
    """All scribbles of a video.

    Args:
        sequence: Name of the video.
        frames: The lines of every frame, in the order in which they were drawn.
    """

    sequence: str
    frames: tuple[tuple[ScribbleLine, ...], ...]

    @property
    def annotated(self) -> list[int]:
        """The frames that have a line."""
        return [index for index, lines in enumerate(self.frames) if lines]


def read_scribbles(path: str | os.PathLike[str]) -> VideoScribbles:
    """Read a scribble file of DAVIS: ``{"sequence": name, "scribbles": [[line, ...], ...]}``.

    Raises:
        DataError: The file is missing, too large, or of another form.
    """
    path = Path(path)
    try:
        record = json.loads(read_regular(path, _MAX_BYTES))
    except OSError as error:
        raise DataError(f"cannot read scribbles: {describe_os_error(error)}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a JSON file ({error})") from error
    try:
        return parse_scribbles(record)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def parse_scribbles(record: Any) -> VideoScribbles:
    """Read what a scribble file holds; unknown fields are ignored.

    Raises:
        DataError: It is of another form.
    """
    frames = record.get("scribbles") if isinstance(record, dict) else None
    if not isinstance(frames, list) or not all(isinstance(lines, list) for lines in frames):
        raise DataError("expected {'sequence': name, 'scribbles': [lines of every frame]}")
    lines = tuple(tuple(map(ScribbleLine.from_record, entries)) for entries in frames)
    return VideoScribbles(str(record.get("sequence", "")), lines)


def write_scribbles(path: str | os.PathLike[str], scribbles: VideoScribbles) -> None:
    """Write a scribble file of DAVIS.

    Raises:
        OSError: It cannot be written.
    """
    frames = [[line.as_record() for line in lines] for lines in scribbles.frames]
    with atomic_write(path, "w") as stream:
        json.dump({"sequence": scribbles.sequence, "scribbles": frames}, stream)


def draw_scribbles(
    lines: Iterable[ScribbleLine], size: tuple[int, int], default: int = NOTHING
) -> np.ndarray:
    """Draw lines one pixel wide; later ones cover earlier ones.

    A point falls on the pixel ``int(fraction * (W - 1, H - 1))``, as in the DAVIS framework.

    Args:
        lines: Scribbles of one frame.
        size: (H, W) in pixels.
        default: Value of all other pixels.

    Returns:
        int16 (H, W), the object id where a line runs.

    >>> line = ScribbleLine(np.array([[0.0, 0.0], [1.0, 0.5]]), 2)
    >>> draw_scribbles([line], (3, 4)).tolist()
    [[2, 2, -1, -1], [-1, -1, 2, 2], [-1, -1, -1, -1]]
    """
    height, width = size
    labels = np.full(size, default, np.int16)
    for line in lines:
        x, y = join_points((line.path * (width - 1, height - 1)).astype(int)).T
        labels[y, x] = line.object_id
    return labels


def join_points(points: np.ndarray) -> np.ndarray:
    """Join points by straight lines of pixels (Bresenham).

    Args:
        points: int (points, 2).

    Returns:
        int (pixels, 2): every segment with both its ends, so corners come twice.

    >>> join_points(np.array([[0, 0], [3, 1]])).tolist()
    [[0, 0], [1, 0], [2, 1], [3, 1]]
    """
    if len(points) < 2:
        return points
    return np.concatenate([_join(first, second) for first, second in pairwise(points)])


def _join(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A segment: after n steps along the longer axis round(n * rise / length) across, halves up."""
    delta = np.abs(second - first)
    major, minor = (0, 1) if delta[0] > delta[1] else (1, 0)
    length, rise = int(delta[major]), int(delta[minor])
    steps = np.arange(length + 1)
    offsets = np.empty((length + 1, 2), int)
    offsets[:, major] = steps
    offsets[:, minor] = (2 * rise * steps + length) // max(2 * length, 1)
    return first + np.sign(second - first) * offsets
