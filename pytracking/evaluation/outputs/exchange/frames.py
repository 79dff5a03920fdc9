"""Pictures for videos of which only the masks are at hand, and the masks of finished results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.image_io import VIDEO_SUFFIXES, read_image, read_label_map
from ltr.data.json_io import finite_number, read_json
from pytracking.evaluation.datasets.sequence import AnySequence, WholeVideoSequence
from pytracking.evaluation.outputs.exchange.labelled_video import (
    LabelledVideo,
    check_length,
    check_size,
    check_stems,
)
from pytracking.evaluation.outputs.exchange.registry import (
    find_exchange_format,
    parse_export,
    write_exchange,
)
from pytracking.evaluation.outputs.folder import ResultFolder
from pytracking.evaluation.outputs.formats import (
    EXPRESSION_MASKS,
    as_whole_video,
    find_format,
)
from pytracking.evaluation.outputs.video import CONFIG, MASKS
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.video_reader import VideoLike, read_video


def with_frames(videos: Iterable[LabelledVideo], frames: Path) -> Iterator[LabelledVideo]:
    """Add the pictures of one video, or of several in a folder; they are opened when needed.

    Args:
        videos: With masks.
        frames: A video file or folder of frames; for a video ``a`` also a folder with ``a`` or
            ``a.mp4``.

    Raises:
        DataError: Pictures are missing, damaged, or of another size; also while they are read.
    """
    for video in videos:
        own = _own_frames(frames, video.name)
        with read_video(own) as source:
            _check_size(source, video)
            fps = source.fps
        yield replace(video, read_frame=_lazy_reader(own, video), fps=fps)


def _check_size(source: FrameSource, video: LabelledVideo) -> None:
    if source.size != video.size:
        raise DataError(
            f"{source.name} has {source.size[0]}x{source.size[1]} pixels, the masks of "
            f"{video.name} {video.size[0]}x{video.size[1]}"
        )


def _lazy_reader(frames: VideoLike, video: LabelledVideo) -> Callable[[int], np.ndarray]:
    """Reads frames of a video that is opened at the first one."""
    reader: Callable[[int], np.ndarray] | None = None

    def read_frame(index: int) -> np.ndarray:
        nonlocal reader
        reader = reader or _frame_reader(read_video(frames), video)
        return reader(index)

    return read_frame


def export_results(
    folder: Path,
    video: VideoLike,
    wanted: Iterable[str],
    overwrite: bool = False,
    in_folder: bool = False,
) -> list[Path]:
    """Write the results of ``run_video`` in further formats.

    Args:
        folder: The results, with ``masks`` and ``config.json``.
        video: The video they belong to, read again for formats with pictures.
        wanted: ``FORMAT`` or ``FORMAT:PATH``; the default path is ``<folder>_<format>`` with the
            suffix of the format.
        overwrite: Replace what is there.
        in_folder: Whether the paths are folders of several videos.

    Returns:
        What was written.

    Raises:
        ToolkitError: A format is unknown, or something cannot be read or written.
    """
    written = []
    for text in wanted:
        name, path = parse_export(text)
        exchange = find_exchange_format(name)
        if path is not None and in_folder:
            path /= f"{folder.name}{exchange.suffix}"
        target = path or default_path(folder, name)
        labelled = labelled_results(folder)
        if exchange.needs_frames:
            labelled = replace(labelled, read_frame=_lazy_reader(video, labelled))
        written += write_exchange(name, [labelled], target, overwrite)
    return written


def export_sequences(
    sequences: Iterable[AnySequence], folder: ResultFolder, wanted: Iterable[str], overwrite: bool
) -> list[Path]:
    """Write the results of a data set in further formats.

    Args:
        sequences: Finished ones.
        folder: Their results.
        wanted: ``FORMAT`` or ``FORMAT:PATH``, see ``export_results``.
        overwrite: Replace what is there.

    Returns:
        What was written.
    """
    whole = [as_whole_video(sequence) for sequence in sequences]
    written = []
    for text in wanted:
        name, path = parse_export(text)
        videos = (video for sequence in whole for video in _labelled(sequence, folder))
        exchange = find_exchange_format(name)
        in_folder = not exchange.holds_several
        target = path or default_path(folder.path, name, in_folder)
        written += write_exchange(name, videos, target, overwrite, in_folder)
    return written


def default_path(folder: Path, name: str, in_folder: bool = False) -> Path:
    """Where an export goes when no path is named: beside the folder of the results."""
    suffix = "" if in_folder else find_exchange_format(name).suffix
    return folder.with_name(f"{folder.name}_{name}{suffix}")


def labelled_results(folder: Path) -> LabelledVideo:
    """The results of ``run_video``; frames before the first object are empty.

    Raises:
        DataError: They are missing or damaged.
    """
    try:
        entry: dict[str, Any] = read_json(folder / CONFIG)["video"]
        width, height = entry["size"]
        width, height = check_size(width, height, folder)
        count, fps, name = check_length(entry["frames"], folder), entry["fps"], str(entry["name"])
        numbered = [f"{index:05d}" for index in range(count)]
        stems = check_stems(entry.get("stems") or numbered, folder)
        fps = None if fps is None else finite_number(fps)
    except (DataError, ValueError, LookupError, TypeError) as error:
        raise DataError(f"{folder} holds no whole results of a video: {error}") from error

    def read_labels(index: int) -> np.ndarray:
        file = folder / MASKS / f"{stems[index]}.png"
        return read_label_map(file) if file.exists() else np.zeros((height, width), np.uint8)

    return LabelledVideo(name, (width, height), stems, read_labels, fps=fps)


def _labelled(sequence: WholeVideoSequence, folder: ResultFolder) -> Iterator[LabelledVideo]:
    """A sequence's results, for each of its expressions where it has some."""
    result_format = find_format(sequence.result_format)
    files, count = list(sequence.frames), len(sequence.frames)
    has_expressions = result_format is EXPRESSION_MASKS
    for place, expression in enumerate(sequence.texts if has_expressions else ("",)):

        def read_labels(first: int = place * count) -> Iterator[np.ndarray]:
            pictures = result_format.pictures(sequence, folder)
            return (labels for _, _, labels in islice(pictures, first, first + count))

        yield LabelledVideo(
            "_".join(filter(None, (sequence.name, expression))),
            (sequence.shape[1], sequence.shape[0]),
            [file.stem for file in files],
            _in_order(read_labels(), f"the masks of {sequence.name}"),
            read_frame=lambda index: read_image(files[index]),
            suffix=files[0].suffix,
        )


def _own_frames(frames: Path, name: str) -> Path:
    for candidate in (frames / name, *(frames / f"{name}{suffix}" for suffix in VIDEO_SUFFIXES)):
        if candidate.exists():
            return candidate
    return frames


def _frame_reader(source: FrameSource, video: LabelledVideo) -> Callable[[int], np.ndarray]:
    """Reads the frames in order from a video, or by name where they are files."""
    pictures = source.pictures
    if pictures is None:
        return _in_order(iter(source), f"the frames of {source.name}")
    places = {stem: place for place, stem in enumerate(source.stems)}
    by_stem = all(stem in places for stem in video.stems)
    ordered = [places[stem] for stem in video.stems] if by_stem else list(places.values())
    if len(ordered) != len(video):
        raise DataError(
            f"{source.name} has {len(ordered)} frames, the masks of {video.name} {len(video)}"
        )
    return lambda index: pictures[ordered[index]]


def _in_order(arrays: Iterator[np.ndarray], what: str) -> Callable[[int], np.ndarray]:
    """Reads by index what comes one after the other; the last one can be read again."""
    place, last = -1, np.empty(0)

    def read(index: int) -> np.ndarray:
        nonlocal place, last
        while place < index:
            found = next(arrays, None)
            if found is None:
                raise DataError(f"{what} end before number {index}")
            place, last = place + 1, found
        if place != index:
            raise DataError(f"{what} can be read in order only")
        return last

    return read
