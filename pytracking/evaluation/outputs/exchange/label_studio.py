"""Label Studio: a task for every frame, with a brush region for every object.

A brush is a stream of bits: the number of values (32 bits), the size of a value less one (5), four
sizes of lengths less one (4 each), then blocks of a flag (1: one value repeated, 0: as many
values), the index of the length's size (2), the length less one, and the values. The values are
those of an RGBA picture.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write
from ltr.data.json_io import read_json, translate_json_errors
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    ObjectNumbers,
    check_size,
    check_stems,
    merged,
    safe_name,
)

_EXPECTED = "tasks with brush labels of Label Studio"
_FROM, _TO = "tag", "image"
_REGION = re.compile(r"object_(\d{1,3})_")
_COUNT_BITS, _WORD_BITS, _SIZE_BITS, _INDEX_BITS = 32, 5, 4, 2
_WORD = 8
_LENGTH_BITS = (3, 4, 8, 16)
_LONGEST = 1 << _LENGTH_BITS[-1]
_CHANNELS = 4
_MAX_PIXELS = 1 << 26

Region = tuple[int, Sequence[int]]


class LabelStudioFile(ExchangeFormat):
    """One JSON file of tasks, to be imported into a project with ``BrushLabels``."""

    suffix = ".json"
    holds_several = True

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        with atomic_write(target, "w") as stream:
            separator = "["
            for video in videos:
                for index in range(len(video)):
                    stream.write(separator + json.dumps(_task(video, index)))
                    separator = ",\n"
            stream.write("[]\n" if separator == "[" else "]\n")

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``."""
        with translate_json_errors(source, _EXPECTED):
            videos: dict[str, list[dict[str, Any]]] = {}
            for task in read_json(source):
                image = PurePosixPath(str(task["data"][_TO]))
                videos.setdefault(image.parent.name or source.stem, []).append(task)
            for name, tasks in videos.items():
                yield _read_video(source, name, tasks)


LABEL_STUDIO_FILE = LabelStudioFile()


def encode_brush(mask: np.ndarray) -> list[int]:
    """The bytes of a brush.

    Args:
        mask: bool (H, W).
    """
    values = mask.ravel().astype(np.uint8) * 255
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    starts = np.concatenate(([0], changes))
    lengths = np.diff(starts, append=len(values)) * _CHANNELS
    bits = [_bits(len(values) * _CHANNELS, _COUNT_BITS), _bits(_WORD - 1, _WORD_BITS)]
    bits += [_bits(size - 1, _SIZE_BITS) for size in _LENGTH_BITS]
    for value, length in zip(values[starts].tolist(), lengths.tolist(), strict=True):
        for begin in range(0, length, _LONGEST):
            bits.append(_block(value, min(_LONGEST, length - begin)))
    text = "".join(bits)
    text += "0" * (-len(text) % _WORD)
    return list(int(text, 2).to_bytes(len(text) // _WORD, "big"))


def decode_brush(brush: Sequence[int], shape: tuple[int, int]) -> np.ndarray:
    """The mask, bool (H, W), of the bytes of a brush: where the picture is not transparent.

    Raises:
        ValueError: They are damaged, or of another size.
    """
    height, width = shape
    if not isinstance(brush, list | tuple):  # of a number, bytes would make as many zeros
        raise TypeError("a brush is a list of bytes")
    bits = _BitReader(bytes(brush))
    count, word = bits.read(_COUNT_BITS), bits.read(_WORD_BITS) + 1
    sizes = [bits.read(_SIZE_BITS) + 1 for _ in _LENGTH_BITS]
    if count != height * width * _CHANNELS or count > _MAX_PIXELS * _CHANNELS or word > _WORD:
        raise ValueError(f"the brush has {count} values, the frame {height * width * _CHANNELS}")
    values = np.zeros(count, np.uint8)
    place = 0
    while place < count:
        is_repeated = bits.read(1)
        end = place + bits.read(sizes[bits.read(_INDEX_BITS)]) + 1
        if is_repeated:
            values[place:end] = bits.read(word)
        else:
            values[place:end] = [bits.read(word) for _ in range(min(end, count) - place)]
        place = end
    return values.reshape(height, width, _CHANNELS)[..., -1] > 0


class _BitReader:
    """Reads numbers of any number of bits, the highest first."""

    def __init__(self, content: bytes) -> None:
        bits = np.unpackbits(np.frombuffer(content, np.uint8))
        self._bits = (bits + ord("0")).tobytes().decode("ascii")
        self._place = 0

    def read(self, count: int) -> int:
        """The next number; beyond the end is a ValueError."""
        end = self._place + count
        if end > len(self._bits):
            raise ValueError("the brush ends early")
        number = int(self._bits[self._place : end], 2)
        self._place = end
        return number


def _bits(number: int, count: int) -> str:
    return format(number, f"0{count}b")


def _block(value: int, length: int) -> str:
    index = next(place for place, size in enumerate(_LENGTH_BITS) if length <= 1 << size)
    size = _bits(index, _INDEX_BITS)
    return f"1{size}{_bits(length - 1, _LENGTH_BITS[index])}{_bits(value, _WORD)}"


def _task(video: LabelledVideo, index: int) -> dict[str, Any]:
    stem = video.stems[index]
    regions = [
        {
            "id": f"object_{number}_{stem}",
            "type": "brushlabels",
            "from_name": _FROM,
            "to_name": _TO,
            "original_width": video.size[0],
            "original_height": video.size[1],
            "image_rotation": 0,
            "value": {
                "format": "rle",
                "rle": encode_brush(mask),
                "brushlabels": [video.name_of(number)],
            },
        }
        for number, mask in video.masks(index)
    ]
    width, height = video.size
    return {
        "data": {
            _TO: f"{safe_name(video.name)}/{stem}{video.suffix}",
            "width": width,
            "height": height,
        },
        "annotations": [{"result": regions}],
    }


def _read_video(source: Path, name: str, tasks: Sequence[dict[str, Any]]) -> LabelledVideo:
    numbers = ObjectNumbers(source)
    size: tuple[int, int] | None = None
    frames: list[list[Region]] = []
    tasks = sorted(tasks, key=lambda task: str(task["data"][_TO]))
    for task in tasks:
        frame = []
        if "width" in task["data"]:
            size = size or (task["data"]["width"], task["data"]["height"])
        for region in _brushes(task):
            own = region["original_width"], region["original_height"]
            size = size or own
            if own != size:
                raise DataError(f"{source} has frames of several sizes: {size} and {own}")
            label = str(region["value"]["brushlabels"][0])
            found = _REGION.match(str(region.get("id", "")))
            wanted = int(found.group(1)) if found else None
            key = label if wanted is None else wanted
            frame.append((numbers.id_of(key, label, wanted), region["value"]["rle"]))
        frames.append(frame)
    if size is None:
        raise DataError(f"{source} has no brush in the frames of {name}")
    size = check_size(*size, source)
    images = [PurePosixPath(str(task["data"][_TO])) for task in tasks]
    return LabelledVideo(
        safe_name(name),
        size,
        check_stems((image.stem for image in images), source),
        partial(_labels, source, frames, size),
        numbers.names,
        suffix=images[0].suffix or ".jpg",
    )


def _brushes(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The brush regions of a task's last annotation, or of its prediction."""
    for answer in [*(task.get("annotations") or task.get("predictions") or [])][-1:]:
        for region in answer["result"]:
            if region["type"] == "brushlabels":
                yield region


def _labels(
    source: Path, frames: Sequence[Sequence[Region]], size: tuple[int, int], index: int
) -> np.ndarray:
    shape = size[1], size[0]
    with translate_json_errors(source, _EXPECTED):
        return merged(shape, [(number, decode_brush(rle, shape)) for number, rle in frames[index]])
