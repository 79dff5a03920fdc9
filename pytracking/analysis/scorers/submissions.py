"""What the official servers want of each data set."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ltr.admin.errors import DataError
from ltr.admin.files import open_regular
from ltr.data.frame_files import find_mask, list_frames, list_masks
from ltr.data.json_io import read_json
from ltr.data.text_files import read_names
from ltr.dataset.referring.expressions import read_expressions
from pytracking.analysis.files.mask_reader import read_labels
from pytracking.analysis.files.submission_check import (
    ExpectedVideo,
    InstanceSubmission,
    MaskSubmission,
)
from pytracking.analysis.protocols.davis import count_objects
from pytracking.analysis.scorers import servers

FindRoot = Callable[[str], Path]
Submission = MaskSubmission | InstanceSubmission

_ARCHIVE_FOLDER = "Annotations"
_SET = 255


def davis(find_root: FindRoot, variable: str, split: str) -> Submission:
    """The masks of all sequences of a set of DAVIS."""
    root = find_root(variable)
    names = read_names(root / "ImageSets/2017" / f"{split}.txt", "the list of sequences")
    return MaskSubmission(servers.DAVIS, tuple(_davis_video(root, name) for name in names))


def _davis_video(root: Path, name: str) -> ExpectedVideo:
    masks = root / "Annotations/480p" / name
    annotated = list_masks(masks)
    if not annotated:
        raise DataError(f"{masks} holds no annotation")
    first = read_labels(find_mask(masks, annotated[0]))
    frames, _ = _frames(root / "JPEGImages/480p" / name)
    labels = frozenset(range(1, count_objects(first) + 1))
    return ExpectedVideo(name, frames, first.shape, labels)


def youtubevos(find_root: FindRoot, year: str, split: str) -> Submission:
    """The masks of all videos of a set of YouTube-VOS."""
    from ltr.dataset.youtubevos import list_objects

    root = find_root("youtubevos_dir") / year
    videos = []
    for name, starts in list_objects(root, split).items():
        frames, size = _frames(root / split / "JPEGImages" / name)
        folder = f"{_ARCHIVE_FOLDER}/{name}"
        videos.append(ExpectedVideo(folder, frames, size, frozenset(starts)))
    return MaskSubmission(servers.YOUTUBEVOS[year], tuple(videos))


def youtubevis(find_root: FindRoot, year: str) -> Submission:
    """The instances of all videos of YouTube-VIS."""
    root = find_root(f"ytvis{year}_dir")
    files = (root / "valid.json", root / "valid/instances.json")
    content = read_json(files[0] if files[0].is_file() else files[1])
    try:
        videos = {
            video["id"]: (video["length"], video["height"], video["width"])
            for video in content["videos"]
        }
        categories = frozenset(category["id"] for category in content["categories"])
    except (KeyError, TypeError) as error:
        raise DataError(f"{root}: the list of videos is damaged: {error!r}") from error
    return InstanceSubmission(servers.YOUTUBEVIS[year], videos, categories)


def refytvos(find_root: FindRoot, split: str) -> Submission:
    """The masks of all sentences of Ref-YouTube-VOS."""
    root = find_root("refytvos_dir")
    videos = []
    for name, entry in read_expressions(root, split).items():
        _, size = _frames(root / split / "JPEGImages" / name)
        for label in entry.expressions:
            folder = f"{_ARCHIVE_FOLDER}/{name}/{label}"
            videos.append(ExpectedVideo(folder, entry.frames, size, frozenset({_SET})))
    return MaskSubmission(servers.REFERRING, tuple(videos))


def _frames(folder: Path) -> tuple[tuple[str, ...], tuple[int, int]]:
    """Names of the pictures of a video, and their height and width."""
    from PIL import Image

    try:
        files = list_frames(folder)
        with open_regular(folder / files[0]) as stream, Image.open(stream) as picture:
            width, height = picture.size
    except OSError as error:
        raise DataError(f"the pictures in {folder} cannot be read: {error}") from error
    return tuple(os.path.splitext(name)[0] for name in files), (height, width)
