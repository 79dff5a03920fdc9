"""YouTube-VIS 2019 and 2021: every instance of every class is wanted, nothing is given."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from ltr.admin.errors import DataError
from ltr.dataset.youtubevis_file import VisVideo, find_split, read_vis_file
from pytracking.evaluation.datasets.sequence import SequenceList, WholeVideoSequence

_FORMAT = "pytracking.evaluation.outputs.formats:INSTANCE_FILE"


def youtubevis(root: Path, name: str, split: str) -> SequenceList:
    """Videos by the name of their folder, in the order of the file.

    Where several have one folder, or frames lie in none, the number of the video is added.
    """
    file, images = find_split(root, split)
    content = read_vis_file(file)
    category_ids = tuple(content.categories)
    folders = Counter(video.name for video in content.videos)
    builders = {
        label: partial(_sequence, video, label, images, name, category_ids)
        for video in content.videos
        if (label := _label(video, folders[video.name] == 1))
    }
    if len(builders) < len(content.videos):
        raise DataError(f"{file} holds two videos of the same id")
    return SequenceList(name, builders, result_format=_FORMAT)


def _label(video: VisVideo, is_alone: bool) -> str:
    """A name for the folder of results."""
    folder = video.name.replace("/", "_")
    if is_alone and folder:
        return folder
    return f"{folder}_{video.number}" if folder else f"video_{video.number}"


def _sequence(
    video: VisVideo, label: str, images: Path, dataset: str, category_ids: tuple[int, ...]
) -> WholeVideoSequence:
    return WholeVideoSequence(
        name=label,
        dataset=dataset,
        shape=video.size,
        frames=tuple(images / name for name in video.files),
        result_format=_FORMAT,
        number=video.number,
        category_ids=category_ids,
    )
