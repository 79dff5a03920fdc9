"""``folder:PATH``, the name of a data set that is any folder of videos."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER_PREFIX = "folder:"


def is_folder_name(dataset: str) -> bool:
    """Whether a name has this form, in upper or lower case."""
    return dataset.lower().startswith(FOLDER_PREFIX)


def folder_path(dataset: str) -> Path:
    """The folder that ``folder:PATH`` names."""
    return Path(dataset.partition(":")[2]).expanduser().resolve()


def folder_result_name(root: Path) -> str:
    """Name of such a data set in the path of its results.

    >>> folder_result_name(Path("/data/my clips"))
    'folder_my_clips'
    """
    return "folder_" + re.sub(r"[^\w.-]", "_", root.name)
