"""Any folder of videos: ``folder:PATH``."""

from __future__ import annotations

from pathlib import Path

from ltr.dataset.folder import FolderVideos
from pytracking.evaluation.datasets.sequence import SequenceList, sequence_builders
from pytracking.utils.folder_names import FOLDER_PREFIX, folder_result_name


def folder_sequences(path: Path) -> SequenceList:
    """The videos of ``PATH/JPEGImages``; the results lie in ``folder_<last part of PATH>``.

    Raises:
        DataError: The folder does not have this layout.
    """
    dataset = FolderVideos(path)
    root = dataset.layout.images.parent
    return SequenceList(
        name=folder_result_name(root),
        builders=sequence_builders(dataset),
        source=f"{FOLDER_PREFIX}{root}",
    )
