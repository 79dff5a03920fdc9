"""What the official servers want of each data set."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ltr.admin.errors import ConfigError, DataError, did_you_mean
from ltr.admin.files import open_regular
from ltr.data.frame_files import find_mask, list_frames
from ltr.data.json_io import read_json
from ltr.data.text_files import read_names
from ltr.dataset.referring.expressions import read_expressions
from pytracking.analysis.files.mask_reader import read_labels
from pytracking.analysis.files.submission_check import (
    ExpectedVideo,
    InstanceSubmission,
    MaskSubmission,
)
from pytracking.analysis.files.truth_folder import list_masks
from pytracking.analysis.protocols.davis import count_objects
from pytracking.analysis.scorers import servers

FindRoot = Callable[[str], Path]
Submission = MaskSubmission | InstanceSubmission

_ARCHIVE_FOLDER = "Annotations"
_SET = 255


def expected_submission(dataset: str, find_root: FindRoot) -> Submission:
    """What an archive for a data set must hold.

    Args:
        dataset: Name of the data set.
        find_root: Gives the folder of a path variable.

    Raises:
        ConfigError: There is no server for it, or its path variable is not set.
        DataError: The data set is not complete here.
    """
    name = dataset.lower()
    if name not in SUBMISSIONS:
        hint = did_you_mean(name, SUBMISSIONS)
        raise ConfigError(f"no server takes results of {dataset!r}{hint}")
    return SUBMISSIONS[name](find_root)


@dataclass(frozen=True)
class _Davis:
    variable: str
    set_name: str

    def __call__(self, find_root: FindRoot) -> Submission:
        root = find_root(self.variable)
        names = read_names(
            root / "ImageSets/2017" / f"{self.set_name}.txt", "the list of sequences"
        )
        return MaskSubmission(servers.DAVIS, tuple(self._video(root, name) for name in names))

    def _video(self, root: Path, name: str) -> ExpectedVideo:
        masks = root / "Annotations/480p" / name
        annotated = list_masks(masks)
        if not annotated:
            raise DataError(f"{masks} holds no annotation")
        first = read_labels(find_mask(masks, annotated[0]))
        frames, _ = _frames(root / "JPEGImages/480p" / name)
        labels = frozenset(range(1, count_objects(first) + 1))
        return ExpectedVideo(name, frames, first.shape, labels)


@dataclass(frozen=True)
class _YouTubeVos:
    year: str
    split: str

    def __call__(self, find_root: FindRoot) -> Submission:
        from ltr.dataset.youtubevos import list_objects

        root = find_root("youtubevos_dir") / self.year
        videos = []
        for name, starts in list_objects(root, self.split).items():
            frames, size = _frames(root / self.split / "JPEGImages" / name)
            folder = f"{_ARCHIVE_FOLDER}/{name}"
            videos.append(ExpectedVideo(folder, frames, size, frozenset(starts)))
        return MaskSubmission(servers.YOUTUBEVOS[self.year], tuple(videos))


@dataclass(frozen=True)
class _YouTubeVis:
    year: str

    def __call__(self, find_root: FindRoot) -> Submission:
        root = find_root(f"ytvis{self.year}_dir")
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
        return InstanceSubmission(servers.YOUTUBEVIS[self.year], videos, categories)


@dataclass(frozen=True)
class _RefYouTubeVos:
    split: str

    def __call__(self, find_root: FindRoot) -> Submission:
        root = find_root("refytvos_dir")
        videos = []
        for name, entry in read_expressions(root, self.split).items():
            _, size = _frames(root / self.split / "JPEGImages" / name)
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


SUBMISSIONS: dict[str, Callable[[FindRoot], Submission]] = {
    "dv2017_val": _Davis("davis_dir", "val"),
    "dv2017_test_dev": _Davis("davis_testdev_dir", "test-dev"),
    **{
        f"yt{year}_{split}{suffix}": _YouTubeVos(year, split)
        for year, split in (("2018", "valid"), ("2019", "valid"), ("2019", "test"))
        for suffix in ("", "_all")
    },
    "ytvis2019_valid": _YouTubeVis("2019"),
    "ytvis2021_valid": _YouTubeVis("2021"),
    "refytvos_valid": _RefYouTubeVos("valid"),
    "refytvos_test": _RefYouTubeVos("test"),
}
