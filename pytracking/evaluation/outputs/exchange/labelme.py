"""Labelme: a JSON file beside every picture, with masks as small PNGs, or with polygons."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ltr.admin.errors import DataError
from ltr.data.encoded_files import naming
from ltr.data.frame_files import list_visible, sort_naturally
from ltr.data.image_io import decode_values, encode_binary_mask
from ltr.data.json_io import finite_number, read_json, translate_json_errors, write_json
from ltr.data.palette import VOID
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    ObjectNumbers,
    bounding_box,
    check_distinct,
    check_size,
    safe_name,
)

_EXPECTED = "shapes of Labelme"
_VERSION = "5.4.1"
_MAX_CORNER = 1 << 15
# Labelme's own names for what is not an object.
_RESERVED = {"__ignore__": VOID, "_background_": 0}


class LabelmeFolder(ExchangeFormat):
    """``<frame>.json`` for every frame; the group of a shape is the object's id."""

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        (video,) = videos
        for index, stem in enumerate(video.stems):
            shapes = [
                _shape(video.name_of(number), number, mask) for number, mask in video.masks(index)
            ]
            content: dict[str, Any] = {
                "version": _VERSION,
                "flags": {},
                "shapes": shapes,
                "imagePath": f"{stem}{video.suffix}",
                "imageData": None,
                "imageHeight": video.size[1],
                "imageWidth": video.size[0],
            }
            write_json(target / f"{stem}.json", content)

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``."""
        files = [source] if source.is_file() else _list_files(source)
        numbers = ObjectNumbers(source)
        size: tuple[int, int] | None = None
        nameless: list[list[str]] = []
        frames: list[list[tuple[int, dict[str, Any]]]] = []
        for file in files:
            content = read_json(file)
            with translate_json_errors(file, _EXPECTED):
                own = check_size(content["imageWidth"], content["imageHeight"], file)
                if size not in (None, own):
                    raise ValueError(f"its size is {own}")
                size = own
                names = [str(shape["label"]) for shape in content["shapes"] if _is_alone(shape)]
                nameless.append(names)
                frames.append(_numbered(content["shapes"], numbers, is_single=len(files) == 1))
        check_distinct(nameless, source, "give each object a group_id or a label of its own")
        if size is None:
            raise DataError(f"{source} holds no JSON files of Labelme")
        stems = [file.stem for file in files]
        read_labels = partial(_labels, files, frames, size)
        name = safe_name(source.resolve().stem if source.is_file() else source.resolve().name)
        yield LabelledVideo(name, size, stems, read_labels, numbers.names)


LABELME_FOLDER = LabelmeFolder()


def _shape(name: str, number: int, mask: np.ndarray) -> dict[str, Any]:
    x, y, width, height = bounding_box(mask)
    picture = encode_binary_mask(mask[y : y + height, x : x + width].astype(np.uint8))
    return {
        "label": name,
        "points": [[x, y], [x + width - 1, y + height - 1]],
        "group_id": number,
        "description": "",
        "shape_type": "mask",
        "flags": {},
        "mask": base64.b64encode(picture).decode(),
    }


def _list_files(folder: Path) -> list[Path]:
    names = [name for name in list_visible(folder) if name.lower().endswith(".json")]
    if not names:
        raise DataError(f"{folder} holds no JSON files of Labelme")
    return [folder / name for name in sort_naturally(names)]


def _numbered(
    shapes: Sequence[dict[str, Any]], numbers: ObjectNumbers, is_single: bool
) -> list[tuple[int, dict[str, Any]]]:
    """Shapes with the ids of their objects: a group, or else a name, is an object.

    In a single picture every shape without a group is an object of its own.
    """
    found = []
    for place, shape in enumerate(shapes):
        name, group = str(shape["label"]), shape.get("group_id")
        own = place if is_single and _is_alone(shape) else None
        number = _RESERVED.get(name)
        if number is None:
            number = numbers.id_of((name, group, own), name, group)
        found.append((number, shape))
    return found


def _is_alone(shape: dict[str, Any]) -> bool:
    return shape.get("group_id") is None and str(shape["label"]) not in _RESERVED


def _labels(
    files: Sequence[Path],
    frames: Sequence[Sequence[tuple[int, dict[str, Any]]]],
    size: tuple[int, int],
    index: int,
) -> np.ndarray:
    labels = np.zeros((size[1], size[0]), np.uint8)
    with translate_json_errors(files[index], _EXPECTED):
        for number, shape in frames[index]:
            _draw(labels, number, shape, files[index])
    return labels


def _draw(labels: np.ndarray, number: int, shape: dict[str, Any], file: Path) -> None:
    points = np.array([[finite_number(value) for value in point] for point in shape["points"]])
    if points.ndim != 2 or points.shape[1] != 2 or not (np.abs(points) <= _MAX_CORNER).all():
        raise ValueError(f"points {str(shape['points'])[:40]}")
    kind = shape.get("shape_type") or "polygon"
    corners = np.floor(points).astype(np.int32)
    if kind == "mask":
        _paste(labels, number, corners, shape["mask"], file)
    elif kind == "polygon":
        cv2.fillPoly(labels, [corners], number)
    elif kind == "rectangle":
        first, last = corners.min(axis=0), corners.max(axis=0)
        cv2.rectangle(labels, first.tolist(), last.tolist(), number, cv2.FILLED)
    elif kind == "circle":
        radius = round(float(np.linalg.norm(points[1] - points[0])))
        cv2.circle(labels, corners[0].tolist(), radius, number, cv2.FILLED)
    else:
        raise DataError(f"{file} has a {kind}: expected masks, polygons, rectangles or circles")


def _paste(labels: np.ndarray, number: int, corners: np.ndarray, text: str, file: Path) -> None:
    try:
        picture = base64.b64decode(text, validate=True)
    except (binascii.Error, TypeError) as error:
        raise ValueError(f"a mask is not base64 text ({error})") from error
    with naming(file):
        mask = decode_values(picture)
    x, y = corners[0].tolist()
    height, width = mask.shape
    if x < 0 or y < 0 or x + width > labels.shape[1] or y + height > labels.shape[0]:
        raise ValueError("a mask leaves the frame")
    labels[y : y + height, x : x + width][mask > 0] = number
