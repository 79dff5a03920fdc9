"""A folder of pictures as a video: which files are frames, in which order, and is one missing."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from ltr.admin.errors import DataError
from ltr.data.image_io import IMAGE_SUFFIXES


def list_frames(folder: Path) -> list[str]:
    """The picture files of a folder in the order of their numbers.

    Hidden files, which some systems leave beside the real ones, do not count.

    Raises:
        DataError: There is no folder or no picture, or two pictures differ only in the suffix.
    """
    try:
        entries = os.listdir(folder)
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be read: {error.strerror}") from error
    names = [
        name
        for name in entries
        if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")
    ]
    if not names:
        raise DataError(f"{folder} holds no frames: expected pictures such as 00000.jpg")
    stem, count = Counter(map(stem_of, names)).most_common(1)[0]
    if count > 1:
        raise DataError(f"{folder} holds {count} pictures of the frame {stem}")
    return sorted(names, key=natural_key)


def stem_of(name: str) -> str:
    """A file name without its suffix."""
    return os.path.splitext(name)[0]


def natural_key(name: str) -> list[str | int]:
    """Sorting key that puts ``frame2`` before ``frame10``.

    >>> sorted(["a10.png", "2.png", "a2.png", "10.png"], key=natural_key)
    ['2.png', '10.png', 'a2.png', 'a10.png']
    """
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def find_gap(names: Sequence[str], step: int | None = None) -> tuple[str, str] | None:
    """Find two neighbouring frames between which others seem to be missing.

    Args:
        names: File names in order.
        step: Expected difference between neighbouring frame numbers; None takes the smallest one
            that occurs.

    Returns:
        The first such pair; None where there is none or the frames are not named by numbers.

    >>> find_gap(["00000.jpg", "00005.jpg", "00015.jpg"])
    ('00005.jpg', '00015.jpg')
    """
    stems = [stem_of(name) for name in names]
    if len(stems) < 2 or not all(stem.isdecimal() for stem in stems):
        return None
    rises = [int(after) - int(before) for before, after in pairwise(stems)]
    usual = min(rises) if step is None else step
    pairs = zip(pairwise(names), rises, strict=True)
    return next((pair for pair, rise in pairs if rise != usual), None)
