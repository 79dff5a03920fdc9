"""MOTS: a text file with run lengths, or PNGs of 16 bits; ids are class * 1000 + object."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write, read_regular
from ltr.data.frame_files import list_frames, stem_of
from ltr.data.image_io import read_wide_values
from ltr.data.json_io import translate_json_errors
from ltr.data.rle import Rle, as_rle, encode
from pytracking.evaluation.outputs.exchange.coco import labels_of_runs
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    ObjectNumbers,
    check_length,
    check_size,
    safe_name,
)

_EXPECTED = "lines 'frame id class height width runs' of MOTS"
_PER_CLASS = 1000
_IGNORED = 10
_CLASSES = {"car": 1, "pedestrian": 2, "person": 2}
_OTHER_CLASS = 3
_FIELDS = 6


class MotsText(ExchangeFormat):
    """One text file; frames are counted from 0, those after the last object are lost."""

    suffix = ".txt"

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        (video,) = videos
        width, height = video.size
        with atomic_write(target, "w") as stream:
            for index in range(len(video)):
                for number, mask in video.masks(index):
                    kind = _class_of(video, number)
                    runs = encode(mask)["counts"]
                    stream.write(
                        f"{index} {kind * _PER_CLASS + number} {kind} {height} {width} {runs!s}\n"
                    )

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``."""
        try:
            lines = read_regular(source).decode("ascii").splitlines()
        except (OSError, UnicodeError) as error:
            raise DataError(f"{source} cannot be read as text: {error}") from error
        with translate_json_errors(source, _EXPECTED):
            yield _read_lines(source, lines)


class MotsPngs(ExchangeFormat):
    """``<frame>.png`` of 16 bits."""

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        (video,) = videos
        table = np.zeros(256, np.uint16)
        table[1:255] = [_class_of(video, number) * _PER_CLASS + number for number in range(1, 255)]
        table[255] = _IGNORED * _PER_CLASS
        for index, stem in enumerate(video.stems):
            buffer = io.BytesIO()
            Image.fromarray(table[video.labels(index)]).save(buffer, format="PNG")
            with atomic_write(target / f"{stem}.png") as stream:
                stream.write(buffer.getvalue())

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``."""
        files = [source / name for name in list_frames(source)]
        height, width = read_wide_values(files[0]).shape
        numbers = ObjectNumbers(source)
        name = safe_name(source.resolve().name)
        read_labels = partial(_read_png, files, numbers)
        yield LabelledVideo(name, (width, height), [stem_of(f.name) for f in files], read_labels)


MOTS_TEXT = MotsText()
MOTS_PNGS = MotsPngs()


def _class_of(video: LabelledVideo, number: int) -> int:
    return _CLASSES.get(video.name_of(number).lower(), _OTHER_CLASS)


def _read_lines(source: Path, lines: Sequence[str]) -> LabelledVideo:
    numbers = ObjectNumbers(source)
    entries: dict[int, list[tuple[int, Rle]]] = {}
    size: tuple[int, int] | None = None
    for line in filter(str.strip, lines):
        fields = line.split()
        if len(fields) != _FIELDS:
            raise ValueError(f"a line has {len(fields)} fields")
        index, identity, kind, height, width = map(int, fields[:-1])
        if (width, height) != (size or (width, height)):
            raise ValueError("the frames have several sizes")
        size = check_size(width, height, source)
        rle = as_rle({"size": [height, width], "counts": fields[-1]}, height, width)
        check_length(index, source)
        if rle is not None and kind != _IGNORED:
            number = numbers.id_of(identity, "", identity % _PER_CLASS)
            entries.setdefault(index, []).append((number, rle))
    if size is None:
        raise ValueError("it has no line")
    frames = [entries.get(index, []) for index in range(max(entries, default=-1) + 1)]
    stems = [f"{index:05d}" for index in range(len(frames))]
    return LabelledVideo(safe_name(source.stem), size, stems, partial(labels_of_runs, frames, size))


def _read_png(files: Sequence[Path], numbers: ObjectNumbers, index: int) -> np.ndarray:
    values = read_wide_values(files[index])
    table = np.zeros(int(values.max()) + 1, np.uint8)
    for identity in np.unique(values[values > 0]).tolist():
        is_ignored = identity // _PER_CLASS == _IGNORED
        own = 255 if is_ignored else numbers.id_of(identity, "", identity % _PER_CLASS)
        table[identity] = own
    return table[values]
