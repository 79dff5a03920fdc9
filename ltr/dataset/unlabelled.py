"""Videos without labels, as folders of frames.

=================== ======================== ====================================================
name                path variable            below it
=================== ======================== ====================================================
``YouTubeVOS``      ``youtubevos_dir``       ``train/JPEGImages``, also below ``2018`` or ``2019``
``OxUvA``           ``oxuva_dir``            ``images/dev``
``TrackingNet``     ``trackingnet_dir``      ``train/jpegs``, or the official ``TRAIN_*/frames``
``Kinetics``        ``kinetics_dir``         ``video_jpeg/train``, with or without class folders
``DAVIS``           ``davis_dir``            ``JPEGImages/480p``
``folder:PATH``                              any tree: a folder of pictures is a video
=================== ======================== ====================================================

``DAVIS/2017/train`` and ``YouTubeVOS/2019/jjtrain`` are the frames of one split, see
``vos_sets.py``.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

from ltr.admin.environment import require, train_environment
from ltr.admin.errors import ConfigError, DataError, did_you_mean
from ltr.data.frame_files import IMAGE_SUFFIXES, is_hidden, natural_key
from ltr.data.image_io import VIDEO_SUFFIXES
from ltr.data.text_files import read_text
from ltr.data.unlabelled_videos import UnlabelledVideos
from ltr.dataset.vos_sets import VOS_SETS, open_vos

_LAYOUTS = {
    "YouTubeVOS": (
        "youtubevos_dir",
        ("train/JPEGImages", "2019/train/JPEGImages", "2018/train/JPEGImages"),
    ),
    "OxUvA": ("oxuva_dir", ("images/dev",)),
    "TrackingNet": ("trackingnet_dir", ("train/jpegs", "TRAIN_*/frames")),
    "Kinetics": ("kinetics_dir", ("video_jpeg/train",)),
    "DAVIS": ("davis_dir", ("JPEGImages/480p",)),
}


def open_unlabelled(name: str, filelist: str | None = None) -> UnlabelledVideos:
    """Open a data set.

    Args:
        name: A name of the table above, or the path of a folder with or without ``folder:``.
        filelist: A list in upstream's form, which restricts and orders the videos.

    Raises:
        ConfigError: There is no such data set, or its path is not set.
        DataError: Its folder or the list holds no video.
    """
    family, slash, _ = name.partition("/")
    if slash and family in VOS_SETS:
        return _open_split(name, filelist)
    roots = _roots(name)
    if filelist is not None:
        return UnlabelledVideos(name, read_filelist(Path(filelist), roots[0]))
    videos = [video for root in roots for video in _find_videos(root)]
    if not videos:
        hint = ""
        if any(entry.suffix.lower() in VIDEO_SUFFIXES for entry in roots[0].iterdir()):
            hint = (
                " (extract the frames of videos first: python -m pytracking.utils.extract_frames)"
            )
        raise DataError(f"{roots[0]} holds no folder of pictures{hint}")
    return UnlabelledVideos(name, videos)


def _open_split(name: str, filelist: str | None) -> UnlabelledVideos:
    """The frames of a split of an annotated data set; its annotations are not read."""
    if filelist is not None:
        raise ConfigError(f"filelist = {filelist}: {name} has a list of its own")
    dataset = open_vos(name)
    return UnlabelledVideos(name, [dataset.layout.images / video for video in dataset.videos])


def _roots(name: str) -> list[Path]:
    """The folders that hold a data set's videos."""
    kind, _, rest = name.partition(":")
    if kind == "folder" or (kind not in _LAYOUTS and Path(name).is_dir()):
        root = Path(rest or name).expanduser().resolve()
        if not root.is_dir():
            raise ConfigError(f"{name}: {root} is not a folder")
        return [root]
    if name not in _LAYOUTS:
        choices = [*_LAYOUTS, "folder:PATH"]
        raise ConfigError(f"unknown videos {name!r}{did_you_mean(name, choices)}")
    variable, patterns = _LAYOUTS[name]
    base = require(train_environment(), variable)
    for pattern in patterns:
        if found := sorted(folder for folder in base.glob(pattern) if folder.is_dir()):
            return found
    raise DataError(f"{variable} = {base} lacks {' or '.join(patterns)}")


def _find_videos(root: Path) -> Iterator[Path]:
    """The folders below ``root`` that hold pictures; one entry of each is enough to know."""
    with os.scandir(root) as entries:
        first = next(entries, None)
        if first is not None and _is_picture(first):
            yield root
            return
    with os.scandir(root) as entries:
        found = list(entries)
    if any(_is_picture(entry) for entry in found):
        yield root
    folders = [entry for entry in found if entry.is_dir() and not is_hidden(entry.name)]
    for entry in sorted(folders, key=lambda entry: natural_key(entry.name)):
        yield from _find_videos(Path(entry.path))


def _is_picture(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(IMAGE_SUFFIXES) and entry.is_file()


def read_filelist(path: Path, root: Path) -> list[Path | list[Path]]:
    """Read a file list of upstream: one frame, or one folder of frames, a line.

    Upstream's paths begin in its ``data`` folder. Here as many leading parts of a path are dropped
    as bring the first line to an existing file, so the list serves wherever the data lie.

    Args:
        path: The list; further columns of a line are ignored.
        root: Folder that holds the videos.

    Returns:
        A folder, or the frames of a video: a new one begins where the folder's name changes.

    Raises:
        DataError: The list is missing or empty, or its first line leads nowhere.
    """
    rows = [line.split() for line in read_text(path, "the file list").splitlines()]
    names = [Path(row[0].lstrip("/")) for row in rows if row]
    if not names:
        raise DataError(f"the file list {path} is empty")
    dropped = next(
        (n for n in range(len(names[0].parts)) if root.joinpath(*names[0].parts[n:]).exists()), None
    )
    if dropped is None:
        raise DataError(f"{path}: {names[0]} is not in {root}")
    files = [root.joinpath(*name.parts[dropped:]) for name in names]
    if files[0].is_dir():
        return [*files]
    return [list(group) for _, group in itertools.groupby(files, key=lambda file: file.parent.name)]
