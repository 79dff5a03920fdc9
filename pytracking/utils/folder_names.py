"""``folder:PATH`` and ``videos:FILE.json``, the names of data sets of one's own."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER_PREFIX = "folder:"
VIDEOS_PREFIX = "videos:"


def is_folder_name(dataset: str) -> bool:
    """Whether a name has this form, in upper or lower case."""
    return dataset.lower().startswith(FOLDER_PREFIX)


def is_file_name(dataset: str) -> bool:
    """Whether a name has the form ``videos:FILE.json``."""
    return dataset.lower().startswith(VIDEOS_PREFIX)


def folder_path(dataset: str) -> Path:
    """The path that ``folder:PATH`` or ``videos:FILE.json`` names."""
    return Path(dataset.partition(":")[2]).expanduser().resolve()


def folder_result_name(root: Path) -> str:
    """Name of such a data set in the path of its results.

    >>> folder_result_name(Path("/data/my clips"))
    'folder_my_clips'
    """
    return "folder_" + re.sub(r"[^\w.-]", "_", root.name)
