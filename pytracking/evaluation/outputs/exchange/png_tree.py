"""Label PNGs in folders: one folder per video, and the layouts of DAVIS and YouTube-VOS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.frame_files import is_hidden, list_frames, sort_naturally, stem_of
from ltr.data.image_io import read_label_map, write_label_map
from ltr.data.json_io import read_json, write_json
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    object_ids,
    safe_name,
)

_ANNOTATIONS, _META, _MASKS = "Annotations", "meta.json", "masks"
_RESOLUTIONS = ("Full-Resolution", "480p")


class PngTree(ExchangeFormat):
    """``<video>/<frame>.png``, pixel value = object id; names of objects are lost."""

    holds_several = True

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        for video in videos:
            _write_masks(video, target / safe_name(video.name))

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``; also the results of ``run_video`` and one video's folder."""
        for folder in _video_folders(source):
            yield _read_folder(folder, _name_of(folder), {})


class DavisTree(PngTree):
    """``Annotations/Full-Resolution/<video>/<frame>.png`` and ``ImageSets/2017/all.txt``."""

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        names = []
        for video in videos:
            names.append(safe_name(video.name))
            _write_masks(video, target / _ANNOTATIONS / _RESOLUTIONS[0] / names[-1])
        sets = target / "ImageSets" / "2017"
        sets.mkdir(parents=True)
        (sets / "all.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


class YouTubeVosTree(PngTree):
    """``Annotations/<video>/<frame>.png`` and ``meta.json`` with the names of the objects."""

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        meta = {}
        for video in videos:
            name = safe_name(video.name)
            frames = _write_masks(video, target / _ANNOTATIONS / name)
            meta[name] = {
                "objects": {
                    str(number): {"category": video.name_of(number), "frames": stems}
                    for number, stems in sorted(frames.items())
                }
            }
        write_json(target / _META, {"videos": meta})

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``."""
        meta = read_json(source / _META) if (source / _META).is_file() else {}
        for folder in _video_folders(source):
            yield _read_folder(folder, folder.name, _names_in_meta(meta, folder.name))


PNG_TREE = PngTree()
DAVIS_TREE = DavisTree()
YOUTUBE_VOS_TREE = YouTubeVosTree()


def _write_masks(video: LabelledVideo, folder: Path) -> dict[int, list[str]]:
    """Write the masks; return the frames of every object."""
    folder.mkdir(parents=True)
    frames: dict[int, list[str]] = {}
    for index, stem in enumerate(video.stems):
        labels = video.labels(index)
        write_label_map(folder / f"{stem}.png", labels)
        for number in object_ids(labels):
            frames.setdefault(number, []).append(stem)
    return frames


def _video_folders(source: Path) -> Sequence[Path]:
    """The folders of label PNGs below a folder of any of the known layouts."""
    for inner in (source / _MASKS, source / _ANNOTATIONS):
        if inner.is_dir():
            source = inner
    for resolution in _RESOLUTIONS:
        if (source / resolution).is_dir():
            source = source / resolution
    try:
        entries = [entry for entry in source.iterdir() if not is_hidden(entry.name)]
    except OSError as error:
        raise DataError(f"the folder {source} cannot be read: {error.strerror}") from error
    folders = {entry.name: entry for entry in entries if entry.is_dir()}
    if any(entry.suffix.lower() == ".png" for entry in entries if entry.is_file()):
        return [source]
    if not folders:
        raise DataError(f"{source} holds no masks: expected PNGs, or folders of them")
    return [folders[name] for name in sort_naturally(list(folders))]


def _read_folder(folder: Path, name: str, names: dict[int, str]) -> LabelledVideo:
    files = [file for file in list_frames(folder) if file.lower().endswith(".png")]
    if not files:
        raise DataError(f"{folder} holds no masks: expected PNGs such as 00000.png")
    height, width = read_label_map(folder / files[0]).shape
    return LabelledVideo(
        name, (width, height), list(map(stem_of, files)), partial(_read, folder, files), names
    )


def _read(folder: Path, files: Sequence[str], index: int) -> np.ndarray:
    return read_label_map(folder / files[index])


def _name_of(folder: Path) -> str:
    own = folder.resolve()
    return own.parent.name if own.name == _MASKS else own.name


def _names_in_meta(meta: Any, video: str) -> dict[int, str]:
    """The categories of a video's objects; what is of another form has no names."""
    names: dict[int, str] = {}
    try:
        for number, entry in meta["videos"][video]["objects"].items():
            names[int(number)] = str(entry["category"])
    except (AttributeError, LookupError, TypeError, ValueError):
        return {}
    return {number: name for number, name in names.items() if name != f"object {number}"}
