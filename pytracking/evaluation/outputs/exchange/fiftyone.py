"""FiftyOne: a folder that it imports as ``FiftyOneVideoLabelsDataset``.

``manifest.json`` lists a video and a file of labels for each; the objects of a frame, counted from
1, have a box in parts of the frame and a mask in this box.
"""

from __future__ import annotations

import base64
import io
import math
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from ltr.admin.errors import DataError
from ltr.data.json_io import finite_number, read_json, translate_json_errors, write_json
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    ObjectNumbers,
    bounding_box,
    check_length,
    check_size,
    safe_name,
)
from pytracking.utils.video_reader import read_video
from pytracking.utils.video_writer import VideoWriter

_EXPECTED = "video labels of FiftyOne"
_DATA, _LABELS, _MANIFEST = "data", "labels", "manifest.json"
_DATASET = "eta.core.datasets.LabeledVideoDataset"
_OBJECT = "eta.core.objects.DetectedObject"
_MAX_BYTES, _MAX_SIDE = 1 << 28, 1 << 15
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class FiftyOneFolder(ExchangeFormat):
    """Videos, labels and the list of both; the index of an object is its id."""

    needs_frames = True
    holds_several = True

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        (target / _DATA).mkdir(parents=True)
        index = []
        for video in videos:
            name = safe_name(video.name)
            entry = {"data": f"{_DATA}/{name}.mp4", "labels": f"{_LABELS}/{name}.json"}
            with VideoWriter(target / entry["data"], video.fps) as writer:
                for frame in range(len(video)):
                    writer.write(video.frame(frame))
            frames = {str(frame + 1): _frame_labels(video, frame) for frame in range(len(video))}
            write_json(target / entry["labels"], {"frames": frames})
            index.append(entry)
        write_json(target / _MANIFEST, {"type": _DATASET, "description": "", "index": index})

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``."""
        manifest = read_json(source / _MANIFEST)
        with translate_json_errors(source / _MANIFEST, _EXPECTED):
            for entry in manifest["index"]:
                data, labels = _inside(source, entry["data"]), _inside(source, entry["labels"])
                yield _read_video(data, labels)


FIFTYONE_FOLDER = FiftyOneFolder()


def _frame_labels(video: LabelledVideo, index: int) -> dict[str, Any]:
    width, height = video.size
    objects = []
    for number, mask in video.masks(index):
        x, y, w, h = bounding_box(mask)
        objects.append(
            {
                "type": _OBJECT,
                "label": video.name_of(number),
                "bounding_box": {
                    "top_left": {"x": x / width, "y": y / height},
                    "bottom_right": {"x": (x + w) / width, "y": (y + h) / height},
                },
                "mask": _packed(mask[y : y + h, x : x + w]),
                "index": number,
                "frame_number": index + 1,
            }
        )
    return {"frame_number": index + 1, "objects": {"objects": objects}}


def _packed(mask: np.ndarray) -> str:
    """A mask as text: an ``npy`` file, compressed, in base64."""
    buffer = io.BytesIO()
    np.save(buffer, mask, allow_pickle=False)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


def _unpacked(text: object) -> np.ndarray:
    """The mask, bool (h, w), of a text, or of nested lists."""
    if isinstance(text, list):
        return np.array(text, bool)
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(base64.b64decode(str(text), validate=True), _MAX_BYTES)
    except zlib.error as error:
        raise ValueError(f"a mask is damaged: {error}") from error
    if unpacker.unconsumed_tail:
        raise ValueError("a mask is too large")
    if not content:
        raise ValueError("a mask is empty")
    return _plain_array(io.BytesIO(content)).astype(bool)


def _plain_array(stream: io.BytesIO) -> np.ndarray:
    """The array of an ``npy`` file of at most two axes; NumPy's reader believes every header."""
    version = np.lib.format.read_magic(stream)
    read_header = _HEADERS.get(version)
    if read_header is None:
        raise ValueError(f"a mask of version {version}")
    shape, is_fortran, kind = read_header(stream)
    content = stream.read()
    if kind.kind not in "biuf" or not 0 < len(shape) < 3 or max(shape) > _MAX_SIDE:
        raise ValueError(f"a mask of {shape} numbers of the type {kind}")
    if len(content) != math.prod(shape) * kind.itemsize:
        raise ValueError("a mask is cut off")
    order: Literal["F", "C"] = "F" if is_fortran else "C"
    return np.frombuffer(content, kind).reshape(shape, order=order)


def _inside(source: Path, name: object) -> Path:
    file = source / str(name)
    if not file.resolve().is_relative_to(source.resolve()):
        raise DataError(f"{source / _MANIFEST} names a file elsewhere: {name}")
    return file


def _read_video(data: Path, labels: Path) -> LabelledVideo:
    with read_video(data) as video:
        size, length, fps = check_size(*video.size, data), video.length, video.fps
    content = read_json(labels)
    numbers = ObjectNumbers(labels)
    with translate_json_errors(labels, _EXPECTED):
        frames = {int(key): value for key, value in content["frames"].items()}
        count = check_length(max([length or 0, *frames]), labels)
        objects = [
            frames.get(index + 1, {}).get("objects", {}).get("objects", [])
            for index in range(count)
        ]
        for own in objects:
            for entry in own:
                label = str(entry["label"])
                numbers.id_of(entry.get("index", label), label, entry.get("index"))
    return LabelledVideo(
        safe_name(data.stem),
        size,
        [f"{index:05d}" for index in range(count)],
        partial(_labels, labels, objects, numbers, size),
        numbers.names,
        fps=fps,
    )


def _labels(
    file: Path,
    frames: Sequence[Sequence[dict[str, Any]]],
    numbers: ObjectNumbers,
    size: tuple[int, int],
    index: int,
) -> np.ndarray:
    labels = np.zeros((size[1], size[0]), np.uint8)
    with translate_json_errors(file, _EXPECTED):
        for entry in frames[index]:
            label = str(entry["label"])
            number = numbers.id_of(entry.get("index", label), label, entry.get("index"))
            corners = entry["bounding_box"]["top_left"], entry["bounding_box"]["bottom_right"]
            left, top, right, bottom = (
                round(min(max(finite_number(corner[key]), 0.0), 1.0) * side)
                for corner in corners
                for key, side in zip("xy", size, strict=True)
            )
            mask = _unpacked(entry["mask"]).astype(np.uint8)
            if mask.ndim != 2 or not mask.size or right <= left or bottom <= top:
                raise ValueError("a mask or box is empty")
            fitted = cv2.resize(mask, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
            labels[top:bottom, left:right][fitted > 0] = number
    return labels
