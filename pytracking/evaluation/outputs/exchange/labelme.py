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
from ltr.data.frame_files import list_visible, sort_naturally
from ltr.data.image_io import decode_values, encode_binary_mask
from ltr.data.json_io import finite_number, read_json, translate_json_errors, write_json
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    ObjectNumbers,
    bounding_box,
    safe_name,
)

_EXPECTED = "shapes of Labelme"
_VERSION = "5.4.1"
_MAX_SIDE = 1 << 15


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
        names = [name for name in list_visible(source) if name.lower().endswith(".json")]
        if not names:
            raise DataError(f"{source} holds no JSON files of Labelme")
        files = [source / name for name in sort_naturally(names)]
        numbers = ObjectNumbers(source)
        size: tuple[int, int] | None = None
        frames: list[list[tuple[int, dict[str, Any]]]] = []
        for file in files:
            content = read_json(file)
            with translate_json_errors(file, _EXPECTED):
                own = content["imageWidth"], content["imageHeight"]
                if size not in (None, own) or not all(0 < side <= _MAX_SIDE for side in own):
                    raise ValueError(f"its size is {own}")
                size = own
                frames.append([_numbered(shape, numbers) for shape in content["shapes"]])
        if size is None:
            raise DataError(f"{source} holds no JSON files of Labelme")
        stems = [file.stem for file in files]
        read_labels = partial(_labels, files, frames, size)
        name = safe_name(source.resolve().name)
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


def _numbered(shape: dict[str, Any], numbers: ObjectNumbers) -> tuple[int, dict[str, Any]]:
    """A shape with the id of its object: shapes of one group, or else of one name, are one."""
    name, group = str(shape["label"]), shape.get("group_id")
    return numbers.id_of((name, group), name, group), shape


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
    if points.ndim != 2 or points.shape[1] != 2 or not (np.abs(points) <= _MAX_SIDE).all():
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
    mask = decode_values(picture, file)
    x, y = corners[0].tolist()
    height, width = mask.shape
    if x < 0 or y < 0 or x + width > labels.shape[1] or y + height > labels.shape[0]:
        raise ValueError("a mask leaves the frame")
    labels[y : y + height, x : x + width][mask > 0] = number
