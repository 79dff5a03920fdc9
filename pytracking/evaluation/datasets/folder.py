"""Any folder of videos: ``folder:PATH``."""

from __future__ import annotations

import re

from ltr.dataset.folder import FolderVideos
from pytracking.evaluation.datasets.sequence import SequenceList, sequence_builders

FOLDER_PREFIX = "folder:"


def folder_sequences(path: str) -> SequenceList:
    """The videos of ``PATH/JPEGImages``; the results lie in ``folder_<last part of PATH>``.

    Raises:
        DataError: The folder does not have this layout.
    """
    dataset = FolderVideos(path)
    root = dataset.layout.images.parent
    return SequenceList(
        name="folder_" + re.sub(r"[^\w.-]", "_", root.name),
        builders=sequence_builders(dataset),
        source=f"{FOLDER_PREFIX}{root}",
    )
