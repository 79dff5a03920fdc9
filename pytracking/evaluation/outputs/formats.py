"""The formats in which data sets want the results of whole-video trackers."""

from __future__ import annotations

import importlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write, read_regular
from ltr.data.image_io import read_label_map
from ltr.data.json_io import read_json
from ltr.data.palette import VOID
from ltr.data.rle import Rle, encode
from pytracking.analysis.files.submission_check import RESULTS_FILE
from pytracking.evaluation.datasets.sequence import (
    AnySequence,
    SequenceList,
    WholeVideoSequence,
)
from pytracking.evaluation.outputs.folder import MASK_SUFFIX, ResultFolder, SequenceWriter
from pytracking.tracker.whole_video import InstanceTrack, label_map
from pytracking.utils.staging import translate_write_errors

_SEQUENCE_FILE = "instances.json"
_MAX_LABELS = VOID - 1

Member = tuple[str, bytes]
Picture = tuple[str, Path, np.ndarray]


class ResultFormat(ABC):
    """How the results of one kind of data set look.

    Everything lies in ``<data set>/<sequence>/``; what spans sequences is put together afterwards.
    """

    @abstractmethod
    def write(
        self, sequence: WholeVideoSequence, tracks: Sequence[InstanceTrack], writer: SequenceWriter
    ) -> None:
        """Write the results of a sequence, relative to its folder.

        Raises:
            DataError: They do not fit the data set.
        """

    def assemble(self, folder: ResultFolder) -> None:
        """Put together what spans the finished sequences; called after every run.

        Raises:
            OutputError: It cannot be written.
        """
        return

    @abstractmethod
    def members(self, dataset: SequenceList, folder: ResultFolder) -> Iterator[Member]:
        """Names and contents of the archive for the official server.

        Raises:
            DataError: A result is missing or damaged.
        """

    @abstractmethod
    def pictures(self, sequence: WholeVideoSequence, folder: ResultFolder) -> Iterator[Picture]:
        """Names of pictures without suffix, the frame of each, and the labels drawn over it."""


class LabelMaps(ResultFormat):
    """``<sequence>/<frame>.png``: the best track of every pixel, ids by rank (DAVIS)."""

    def write(
        self, sequence: WholeVideoSequence, tracks: Sequence[InstanceTrack], writer: SequenceWriter
    ) -> None:
        """See ``ResultFormat.write``."""
        for position, frame in enumerate(sequence.frames):
            labels = label_map(tracks[:_MAX_LABELS], position, sequence.shape)
            writer.add_mask(f"{frame.stem}{MASK_SUFFIX}", labels)

    def members(self, dataset: SequenceList, folder: ResultFolder) -> Iterator[Member]:
        """See ``ResultFormat.members``."""
        for sequence in dataset:
            for frame in sequence.frames:
                path = folder.mask_path(sequence.name, frame.stem)
                yield f"{sequence.name}/{path.name}", _checked_png(path, sequence.shape)

    def pictures(self, sequence: WholeVideoSequence, folder: ResultFolder) -> Iterator[Picture]:
        """See ``ResultFormat.pictures``."""
        for frame in sequence.frames:
            yield frame.stem, frame, folder.read_mask(sequence.name, frame.stem)


class ExpressionMasks(ResultFormat):
    """``<video>/<expression>/<frame>.png``, 255 where the expression's object is."""

    def write(
        self, sequence: WholeVideoSequence, tracks: Sequence[InstanceTrack], writer: SequenceWriter
    ) -> None:
        """See ``ResultFormat.write``."""
        for expression, track in zip(sequence.texts, tracks, strict=True):
            for position, frame in enumerate(sequence.frames):
                labels = label_map([track], position, sequence.shape) * np.uint8(VOID)
                writer.add_mask(f"{expression}/{frame.stem}{MASK_SUFFIX}", labels)

    def members(self, dataset: SequenceList, folder: ResultFolder) -> Iterator[Member]:
        """See ``ResultFormat.members``."""
        for sequence in map(as_whole_video, dataset):
            for expression in sequence.texts:
                place = f"{sequence.name}/{expression}"
                for frame in sequence.frames:
                    path = folder.mask_path(place, frame.stem)
                    name = f"{dataset.archive_folder}/{place}/{path.name}"
                    yield name, _checked_png(path, sequence.shape)

    def pictures(self, sequence: WholeVideoSequence, folder: ResultFolder) -> Iterator[Picture]:
        """See ``ResultFormat.pictures``."""
        for expression in sequence.texts:
            for frame in sequence.frames:
                path = folder.mask_path(f"{sequence.name}/{expression}", frame.stem)
                yield f"{expression}/{frame.stem}", frame, np.minimum(read_label_map(path), 1)


class InstanceFile(ResultFormat):
    """``results.json`` of YouTube-VIS, from one ``instances.json`` per sequence."""

    def write(
        self, sequence: WholeVideoSequence, tracks: Sequence[InstanceTrack], writer: SequenceWriter
    ) -> None:
        """See ``ResultFormat.write``."""
        entries = [
            {
                "category_scores": _category_scores(track, sequence.category_ids),
                "segmentations": _all_masks(track.masks, sequence.shape),
            }
            for track in tracks
        ]
        record = {"video_id": sequence.number, "tracks": entries}
        writer.add_file(_SEQUENCE_FILE, json.dumps(record).encode())

    def assemble(self, folder: ResultFolder) -> None:
        """See ``ResultFormat.assemble``."""
        files = [folder.path / name / _SEQUENCE_FILE for name in folder.finished()]
        numbers = {file: _read_tracks(file)["video_id"] for file in files if file.is_file()}
        with (
            translate_write_errors(folder.path / RESULTS_FILE),
            atomic_write(folder.path / RESULTS_FILE, "w") as stream,
        ):
            separator = "["
            for file in sorted(numbers, key=numbers.__getitem__):
                for entry in _official(_read_tracks(file)):
                    stream.write(separator + json.dumps(entry))
                    separator = ",\n"
            stream.write("[]\n" if separator == "[" else "]\n")

    def members(self, dataset: SequenceList, folder: ResultFolder) -> Iterator[Member]:
        """See ``ResultFormat.members``."""
        try:
            yield RESULTS_FILE, (folder.path / RESULTS_FILE).read_bytes()
        except OSError as error:
            raise DataError(f"{folder.path / RESULTS_FILE} cannot be read: {error}") from error

    def pictures(self, sequence: WholeVideoSequence, folder: ResultFolder) -> Iterator[Picture]:
        """See ``ResultFormat.pictures``."""
        record = _read_tracks(folder.path / sequence.name / _SEQUENCE_FILE)
        tracks = [InstanceTrack(tuple(own["segmentations"]), 0.0) for own in record["tracks"]]
        for position, frame in enumerate(sequence.frames):
            labels = label_map(tracks[:_MAX_LABELS], position, sequence.shape)
            yield frame.stem, frame, labels


LABEL_MAPS = LabelMaps()
EXPRESSION_MASKS = ExpressionMasks()
INSTANCE_FILE = InstanceFile()


def find_format(name: str) -> ResultFormat:
    """Import a result format.

    Args:
        name: ``"module:member"``, as sequences and data sets name theirs.
    """
    module, _, member = name.partition(":")
    result_format: ResultFormat = getattr(importlib.import_module(module), member)
    return result_format


def as_whole_video(sequence: AnySequence) -> WholeVideoSequence:
    """The frames of any sequence without its masks; its results become label maps."""
    if isinstance(sequence, WholeVideoSequence):
        return sequence
    return WholeVideoSequence(
        sequence.name, sequence.dataset, sequence.shape, sequence.frames, f"{__name__}:LABEL_MAPS"
    )


def _category_scores(track: InstanceTrack, category_ids: Sequence[int]) -> dict[int, float]:
    """Scores by the ids of the data set; a track has the network's classes, counted from 1."""
    scores = track.category_scores or {track.category or 0: track.score}  # 0 is not a class
    if not all(category in range(1, len(category_ids) + 1) for category in scores):
        raise DataError(
            f"the network knows other classes than the {len(category_ids)} of the data set: it was "
            "trained on another one"
        )
    return {category_ids[category - 1]: score for category, score in scores.items()}


def _read_tracks(file: Path) -> dict[str, Any]:
    """The tracks of one video; files that another program wrote are an error.

    Raises:
        DataError: The file is damaged.
    """
    record = read_json(file)
    if not isinstance(record, dict) or not {"video_id", "tracks"} <= record.keys():
        raise DataError(f"{file} is damaged: remove its folder and run the sequence again")
    return record


def _official(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for track in record["tracks"]:
        for category, score in track["category_scores"].items():
            yield {
                "video_id": record["video_id"],
                "category_id": int(category),
                "score": score,
                "segmentations": track["segmentations"],
            }


def _all_masks(masks: Sequence[Rle | None], shape: tuple[int, int]) -> list[Rle]:
    """Masks of all frames as the server wants them: empty ones where nothing is seen."""
    empty = encode(np.zeros(shape, np.uint8))
    return [empty if mask is None else mask for mask in masks]


def _checked_png(path: Path, shape: tuple[int, int]) -> bytes:
    labels = read_label_map(path)
    if labels.shape != tuple(shape):
        raise DataError(
            f"{path} is {labels.shape[1]}x{labels.shape[0]}, its frame {shape[1]}x{shape[0]}"
        )
    return read_regular(path)
