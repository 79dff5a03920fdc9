"""YouTube-VIS 2019 and 2021: every instance of every class is wanted, nothing is given."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ltr.dataset.youtubevis_file import VisVideo, find_split, read_vis_file
from pytracking.evaluation.clip_data import ClipSequence
from pytracking.evaluation.clip_results import ClipForm, InstanceFile
from pytracking.evaluation.data import SequenceList
from pytracking.evaluation.datasets.entry import DatasetEntry


def _youtubevis(root: Path, name: str, split: str) -> SequenceList:
    """Videos by the name of their folder, in the order of the file."""
    file, images = find_split(root, split)
    content = read_vis_file(file)
    form = InstanceFile(tuple(content.categories))
    builders = {
        video.name: partial(_sequence, video, images, name, form) for video in content.videos
    }
    return SequenceList(name, builders, form=form)


def _sequence(video: VisVideo, images: Path, dataset: str, form: ClipForm) -> ClipSequence:
    frames = tuple(images / name for name in video.files)
    return ClipSequence(video.name, dataset, video.size, frames, form, number=video.number)


DATASETS = {
    f"ytvis{year}_{split}": DatasetEntry(f"ytvis{year}_dir", partial(_youtubevis, split=split))
    for year in ("2019", "2021")
    for split in ("train", "valid")
}
