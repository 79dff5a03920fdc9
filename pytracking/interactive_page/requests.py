"""What the page sends, checked and typed; every error is one sentence."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import as_box
from ltr.data.interactive.scribbles import ScribbleLine
from pytracking.evaluation.outputs.exchange.registry import format_names
from pytracking.evaluation.prompt_types import Point, Prompt
from pytracking.evaluation.session import PassDirection

_MAX_RADIUS = 400
_MAX_NAME = 40
_MAX_TEXT = 300
_DIRECTIONS: tuple[PassDirection, ...] = ("both", "forward", "backward")


@dataclass(frozen=True, eq=False)
class Brush:
    """A stroke that adds pixels to an object, or takes them away.

    Args:
        object_id: The object.
        path: float64 (points, 2), ``(x, y)`` as fractions 0..1 of width and height.
        radius: Half its width, pixels of the frame.
        erases: Whether it takes away.
    """

    object_id: int
    path: np.ndarray
    radius: int
    erases: bool

    def paint(self, mask: np.ndarray) -> np.ndarray:
        """The mask, bool (H, W), with this stroke."""
        height, width = mask.shape
        points = np.rint(self.path * (width - 1, height - 1)).astype(np.int32)
        touched = np.zeros(mask.shape, np.uint8)
        cv2.polylines(touched, [points[:, None]], False, 1, max(1, 2 * self.radius - 1))
        for x, y in points.tolist():
            cv2.circle(touched, (x, y), self.radius, 1, -1)
        return mask & (touched == 0) if self.erases else mask | (touched > 0)


@dataclass(frozen=True)
class PassRequest:
    """From where to where objects are to be carried."""

    frame: int
    direction: PassDirection = "both"
    end: int | None = None


def read_lines(record: Any) -> list[ScribbleLine]:
    """The lines of ``{"lines": [line, ...]}``."""
    lines = record.get("lines", []) if isinstance(record, dict) else None
    if not isinstance(lines, list):
        raise DataError("expected a frame and its lines")
    return [ScribbleLine.from_record(line) for line in lines]


def read_frame(record: Any) -> int:
    """The number of ``{"frame": number}``."""
    if not isinstance(record, dict) or "frame" not in record:
        raise DataError("expected a frame and its lines")
    return _whole(record["frame"], "a frame number")


def read_pass(record: Any) -> PassRequest:
    """``{"frame": number, "direction": name, "end": number}``, the last two as wanted."""
    direction, end = record.get("direction", "both"), record.get("end")
    if direction not in _DIRECTIONS:
        raise DataError("expected the direction both, forward or backward")
    if end is not None:
        end = _whole(end, "a frame number as the end")
    return PassRequest(read_frame(record), direction, end)


def read_prompts(record: Any) -> tuple[list[Prompt], list[Brush]]:
    """``{"prompts": [{"object_id", "lines", "points", "box"} or {"object_id", "brush"}, ...]}``."""
    entries = record.get("prompts")
    if not isinstance(entries, list) or not entries or not all(map(_is_dict, entries)):
        raise DataError("expected a list of prompts")
    prompts = [_prompt(entry) for entry in entries if "brush" not in entry]
    return prompts, [_brush(entry) for entry in entries if "brush" in entry]


def read_object(record: Any) -> tuple[int, str | None, tuple[int, int, int] | None]:
    """``{"object_id", "name", "colour"}``, the last two as wanted."""
    if not isinstance(record, dict):
        raise DataError("expected an object")
    name, colour = record.get("name"), record.get("colour")
    is_name = isinstance(name, str) and len(name) <= _MAX_NAME and name.isprintable()
    if name is not None and not is_name:
        raise DataError(f"a name has at most {_MAX_NAME} letters, all of them printable")
    if colour is not None:
        red, green, blue = _numbers(colour, 3, "a colour of three numbers from 0 to 255")
        if not all(0 <= value <= 255 for value in (red, green, blue)):
            raise DataError("expected a colour of three numbers from 0 to 255")
        colour = (int(red), int(green), int(blue))
    return _whole(record.get("object_id"), "an object_id"), name, colour


def read_formats(body: bytes) -> list[str]:
    """The names of ``{"formats": [name, ...]}``; none where the body is empty."""
    try:
        names = json.loads(body or b"{}").get("formats", [])
    except (ValueError, RecursionError, AttributeError) as error:
        raise DataError("expected a list of formats") from error
    known = format_names()
    unknown = [name for name in names if name not in known] if isinstance(names, list) else [names]
    if unknown:  # a path behind a name would lead out of the folder
        raise DataError(f"there is no format {unknown[0]!r}")
    return names


def read_text(record: Any) -> str:
    """The sentence of ``{"text": sentence}``; empty for all objects."""
    text = record.get("text") if isinstance(record, dict) else None
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        raise DataError(f"a sentence has at most {_MAX_TEXT} letters")
    return text.strip()


def _prompt(entry: dict[str, Any]) -> Prompt:
    key = _whole(entry.get("object_id"), "an object_id")
    points, box = entry.get("points", []), entry.get("box")
    if not isinstance(points, list):
        raise DataError("expected a list of points")
    clicks = []
    for point in points:
        x, y, sign = _numbers(point, 3, "a point as x, y and 1 or 0")
        clicks.append(Point(x, y, sign > 0))
    if box is not None:
        box = as_box(_numbers(box, 4, "a box as x, y, width and height"))
    return Prompt(key, box=box, points=tuple(clicks), scribbles=tuple(read_lines(entry)))


def _brush(entry: dict[str, Any]) -> Brush:
    key, brush = _whole(entry.get("object_id"), "an object_id"), entry["brush"]
    if not _is_dict(brush):
        raise DataError("expected a brush with path and radius")
    path = ScribbleLine.from_record({"path": brush.get("path"), "object_id": key}).path
    radius = _whole(brush.get("radius"), "a radius in pixels")
    if not 1 <= radius <= _MAX_RADIUS:
        raise DataError(f"a brush has a radius of 1 to {_MAX_RADIUS} pixels")
    return Brush(key, path, radius, bool(brush.get("erase")))


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _whole(value: Any, what: str) -> int:
    if type(value) is not int:  # True is an int, too
        raise DataError(f"expected {what}")
    return value


def _numbers(values: Any, count: int, what: str) -> list[float]:
    is_list = isinstance(values, list) and len(values) == count
    if not is_list or not all(isinstance(value, int | float) for value in values):
        raise DataError(f"expected {what}")
    try:
        return [float(value) for value in values]
    except OverflowError as error:
        raise DataError(f"expected {what}") from error
