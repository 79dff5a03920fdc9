"""Checks the files for the official servers before they are uploaded."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.encoded_files import naming
from ltr.data.rle import as_rle
from ltr.data.zip_archive import ZipArchive
from pytracking.analysis.files.mask_reader import decode_pixels

RESULTS_FILE = "results.json"

_SHOWN_PROBLEMS = 5
_MAX_MASK_BYTES = 16 << 20
_MAX_JSON_BYTES = 2 << 30


@dataclass(frozen=True)
class ExpectedVideo:
    """The masks of one video (or expression) as a server wants them.

    Args:
        folder: Inside the archive, without a slash at the end.
        frames: Names without suffix.
        size: Height and width.
        labels: The pixel values that may occur beside 0.
    """

    folder: str
    frames: tuple[str, ...]
    size: tuple[int, int]
    labels: frozenset[int]


@dataclass(frozen=True)
class MaskSubmission:
    """What an archive of masks must hold: exactly these files.

    Args:
        server: URL of the server.
        videos: All of them.
    """

    server: str
    videos: tuple[ExpectedVideo, ...]


@dataclass(frozen=True)
class InstanceSubmission:
    """What an archive with a ``results.json`` must hold.

    Args:
        server: URL of the server.
        videos: Length, height and width by id.
        categories: Ids.
    """

    server: str
    videos: Mapping[int, tuple[int, int, int]]
    categories: frozenset[int]


def check_submission(path: Path, expected: MaskSubmission | InstanceSubmission) -> str:
    """Look at every file of an archive.

    Returns:
        One sentence that says what is there and where to upload it.

    Raises:
        DataError: The server would refuse the archive or score it wrongly; the first problems are
            named.
    """
    with ZipArchive(path) as archive:
        if isinstance(expected, InstanceSubmission):
            content = f"{_check_instances(archive, expected)} instances"
        else:
            problems = list(_mask_problems(archive, expected))
            _refuse(path, problems)
            content = f"{len(archive.names)} masks in {len(expected.videos)} folders"
    return f"{path} is complete ({content}): upload it to {expected.server}"


def _refuse(path: Path, problems: Sequence[str]) -> None:
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        shown = "; ".join(problems[:_SHOWN_PROBLEMS])
        raise DataError(f"{path}: {shown}" + (f"; and {more} more" if more > 0 else ""))


def _mask_problems(archive: ZipArchive, expected: MaskSubmission) -> Iterator[str]:
    wanted = {
        f"{video.folder}/{frame}.png": video for video in expected.videos for frame in video.frames
    }
    missing_folders = _missing_folders(archive.names, expected)
    yield from (f"the folder {folder} is missing" for folder in missing_folders)
    for name, video in wanted.items():
        if name in archive.names:
            yield from _content_problems(archive, name, video)
        elif video.folder not in missing_folders:
            yield f"{name} is missing"
    yield from (f"{name} does not belong there" for name in sorted(archive.names - wanted.keys()))


def _missing_folders(names: set[str], expected: MaskSubmission) -> list[str]:
    present = {name.rpartition("/")[0] for name in names}
    return [video.folder for video in expected.videos if video.folder not in present]


def _content_problems(archive: ZipArchive, name: str, video: ExpectedVideo) -> Iterator[str]:
    try:
        with naming(name):
            labels = decode_pixels(archive.read(name, _MAX_MASK_BYTES))
    except DataError as error:
        yield str(error)
        return
    if labels.shape != video.size:
        yield f"{name} is {_size(labels.shape)}, the video {_size(video.size)}"
    unknown = set(np.unique(labels).tolist()) - video.labels - {0}
    if unknown:
        yield f"{name} shows the values {sorted(unknown)}, only {sorted(video.labels)} may occur"


def _check_instances(archive: ZipArchive, expected: InstanceSubmission) -> int:
    if RESULTS_FILE not in archive.names:
        raise DataError(f"{archive.path} has no {RESULTS_FILE}")
    extra = [f"{name} does not belong there" for name in sorted(archive.names - {RESULTS_FILE})]
    try:
        entries = json.loads(archive.read(RESULTS_FILE, _MAX_JSON_BYTES))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{archive.path}: {RESULTS_FILE} is not JSON: {error}") from error
    if not isinstance(entries, list):
        raise DataError(f"{archive.path}: {RESULTS_FILE} is not a list of instances")
    problems = [
        f"instance {number}: {problem}"
        for number, entry in enumerate(entries)
        for problem in _instance_problems(entry, expected)
    ]
    _refuse(archive.path, extra + problems)
    return len(entries)


def _instance_problems(entry: Any, expected: InstanceSubmission) -> Iterator[str]:
    keys = {"video_id", "category_id", "score", "segmentations"}
    if not isinstance(entry, dict) or not keys <= entry.keys():
        yield f"expected {', '.join(sorted(keys))}"
        return
    if entry["category_id"] not in expected.categories:
        yield f"there is no category {entry['category_id']}"
    score = entry["score"]
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        yield f"the score is {score!r}"
    if entry["video_id"] not in expected.videos:
        yield f"there is no video {entry['video_id']}"
        return
    length, *size = expected.videos[entry["video_id"]]
    masks = entry["segmentations"]
    if not isinstance(masks, list) or len(masks) != length:
        count = len(masks) if isinstance(masks, list) else "no list of"
        yield f"{count} masks, the video has {length} frames"
        return
    yield from _rle_problems(masks, *size)


def _rle_problems(masks: Sequence[Any], height: int, width: int) -> Iterator[str]:
    for frame, mask in enumerate(masks):
        try:
            as_rle(mask, height, width)
        except DataError as error:
            yield f"frame {frame}: {error}"
            return


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
