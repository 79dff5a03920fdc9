"""YouTube-VIS 2019 and 2021: every instance of every class is wanted, nothing is given."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from ltr.admin.errors import DataError
from ltr.dataset.davis_instances import frames_of
from ltr.dataset.youtubevis_file import VisVideo, find_split, read_vis_file
from pytracking.evaluation.datasets.sequence import SequenceList, WholeVideoSequence
from pytracking.utils.folder_names import VIDEOS_PREFIX

_FORMAT = "pytracking.evaluation.outputs.formats:INSTANCE_FILE"
_LABELS = "pytracking.evaluation.outputs.formats:LABEL_MAPS"


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


def vis_file(path: Path) -> SequenceList:
    """The videos of one file in YouTube-VIS's form, such as the authors' ``valid_davis.json``.

    Frames lie where ``frames_of`` finds them. Results of a file with one category are label maps,
    as the task of DAVIS wants them, else instances.

    Raises:
        DataError: It is missing or damaged, or its frames are nowhere.
    """
    content, images = read_vis_file(path), frames_of(path)
    is_davis = len(content.categories) == 1
    name, result_format = f"videos_{path.stem}", _LABELS if is_davis else _FORMAT
    builders = {
        _label(video, is_alone=True): partial(
            _sequence, video, _label(video, is_alone=True), images, name,
            tuple(content.categories), result_format,
        )
        for video in content.videos
    }  # fmt: skip
    if len(builders) < len(content.videos):
        raise DataError(f"{path} holds two videos of the same name")
    return SequenceList(
        name, builders, source=f"{VIDEOS_PREFIX}{path}", result_format=result_format
    )


def _label(video: VisVideo, is_alone: bool) -> str:
    """A name for the folder of results."""
    folder = video.name.replace("/", "_")
    if is_alone and folder:
        return folder
    return f"{folder}_{video.number}" if folder else f"video_{video.number}"


def _sequence(
    video: VisVideo,
    label: str,
    images: Path,
    dataset: str,
    category_ids: tuple[int, ...],
    result_format: str = _FORMAT,
) -> WholeVideoSequence:
    return WholeVideoSequence(
        name=label,
        dataset=dataset,
        shape=video.size,
        frames=tuple(images / name for name in video.files),
        result_format=result_format,
        number=video.number,
        category_ids=category_ids,
    )
