"""A folder of pictures as a video: which files are frames, in which order, and is one missing."""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from ltr.admin.errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")

_LOG = logging.getLogger(__name__)

_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DIGITS = re.compile(r"([0-9]+)")
_DECIMALS = re.compile(r"([0-9]+(?:\.[0-9]+)?)")
_LEADING_ZERO = re.compile(r"[0-9]\.0[0-9]")
# What systems and file servers leave beside the files of users.
_SYSTEM_NAMES = {
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found",
    "thumbs.db", "desktop.ini",
}  # fmt: skip
_SHOWN = 3


def list_frames(folder: Path) -> list[str]:
    """The picture files of a folder in the order of their numbers.

    Hidden files, which some systems leave beside the real ones, do not count. Pictures that are
    named otherwise than the numbered frames (``poster.jpg``, ``00000_mask.png``) are left out with
    a warning.

    Raises:
        DataError: There is no folder or no picture, or two pictures differ only in the suffix.
    """
    names = [name for name in list_visible(folder) if name.lower().endswith(IMAGE_SUFFIXES)]
    frames, strays = split_strays(names)
    if strays:
        _warn_of_strays(str(folder), shorten(strays))
    if not frames:
        raise DataError(f"{folder} holds no frames: expected pictures such as 00000.jpg")
    stem, count = Counter(map(stem_of, frames)).most_common(1)[0]
    if count > 1:
        raise DataError(f"{folder} holds {count} pictures of the frame {stem}")
    return sort_naturally(frames)


def list_visible(folder: Path) -> list[str]:
    """The names in a folder without those that are hidden or that systems leave there.

    Raises:
        DataError: The folder cannot be read.
    """
    try:
        return [name for name in os.listdir(folder) if not is_hidden(name)]
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be read: {error.strerror}") from error


def list_folders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted, without hidden ones.

    Raises:
        DataError: It does not exist or cannot be read.
    """
    try:
        return sorted(
            entry.name
            for entry in os.scandir(folder)
            if entry.is_dir() and not is_hidden(entry.name)
        )
    except OSError as error:
        raise DataError(f"the folder {folder} cannot be read: {error.strerror}") from error


def is_hidden(name: str) -> bool:
    """Whether a file or folder is not the user's own.

    >>> [is_hidden(name) for name in ("._a.mp4", "__MACOSX", "Thumbs.db", "a.mp4")]
    [True, True, True, False]
    """
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def split_strays(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Tell the frames of a video from pictures that lie beside them.

    Strays are rarer than frames or as many, and have no number where the frames have one, another
    suffix, or the name of a frame and more.

    >>> split_strays(["1.jpg", "2.jpg", "1_mask.png", "2_mask.png", "poster.jpg"])
    (['1.jpg', '2.jpg'], ['1_mask.png', '2_mask.png', 'poster.jpg'])
    """
    names = sorted(names)
    shapes = {name: _NUMBER.sub("#", stem_of(name)) for name in names}
    counts = Counter(shapes.values())
    usual = min(counts, key=lambda shape: (-counts[shape], len(shape)), default="")
    if "#" not in usual or counts[usual] < 2:
        return names, []
    frames = [name for name in names if shapes[name] == usual]
    suffixes = {os.path.splitext(name)[1].lower() for name in frames}
    stems = {stem_of(name) for name in frames}

    def is_stray(name: str) -> bool:
        stem, suffix = os.path.splitext(name)
        return shapes[name] != usual and (
            "#" not in shapes[name]
            or suffix.lower() not in suffixes
            or any(stem[:end] in stems for end in range(1, len(stem)))
        )

    strays = [name for name in names if is_stray(name)]
    return [name for name in names if name not in set(strays)], strays


def shorten(names: Sequence[str], most: int = _SHOWN) -> str:
    """The first names of a list, and how many more there are."""
    more = len(names) - most
    shown = ", ".join(names[:most])
    return shown if more <= 0 else f"{shown} and {more} more"


def find_mask(folder: Path, stem: str) -> Path:
    """The mask of a name: ``<stem>.png``, or a file that differs from it in upper-case letters."""
    path = folder / f"{stem}.png"
    if not path.exists() and folder.is_dir():
        wanted = path.name.lower()
        found = [name for name in os.listdir(folder) if name.lower() == wanted]
        return folder / found[0] if len(found) == 1 else path
    return path


def list_masks(folder: Path) -> tuple[str, ...]:
    """Names of the PNGs of a folder without suffix, in natural order; none without a folder.

    Raises:
        DataError: The folder cannot be read.
    """
    if not folder.is_dir():
        return ()
    names = (name for name in list_visible(folder) if name.lower().endswith(".png"))
    return tuple(sort_naturally({stem_of(name) for name in names}))


def stem_of(name: str) -> str:
    """A file name without its suffix."""
    return os.path.splitext(name)[0]


def sort_naturally(names: Iterable[str]) -> list[str]:
    """Sort names by the numbers in them; names that are numbers by their values.

    >>> sort_naturally(["0.1.png", "0.033.png", "0.067.png"])
    ['0.033.png', '0.067.png', '0.1.png']
    >>> sort_naturally(["t10", "t9", "s11"])
    ['s11', 't9', 't10']
    """
    ordered = sorted(names)
    stems = [_without_image_suffix(name) for name in ordered]
    if all(_NUMBER.fullmatch(stem) for stem in stems):
        values = dict(zip(ordered, map(Decimal, stems), strict=True))
        return sorted(ordered, key=lambda name: values[name])
    are_decimals = any(_LEADING_ZERO.search(stem) for stem in stems)
    return sorted(ordered, key=lambda name: _natural_key(_without_image_suffix(name), are_decimals))


def natural_key(name: str) -> list[str | Decimal]:
    """Sorting key that puts ``frame2`` before ``frame10``.

    >>> sorted(["a10.png", "2.png", "a2.png", "10.png"], key=natural_key)
    ['2.png', '10.png', 'a2.png', 'a10.png']
    """
    return _natural_key(name, are_decimals=False)


def _natural_key(name: str, are_decimals: bool) -> list[str | Decimal]:
    parts = (_DECIMALS if are_decimals else _DIGITS).split(name)
    return [Decimal(part) if place % 2 else part for place, part in enumerate(parts)]


def _without_image_suffix(name: str) -> str:
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in IMAGE_SUFFIXES else name


@lru_cache(maxsize=1024)
def _warn_of_strays(folder: str, names: str) -> None:
    """Warn once per folder."""
    _LOG.warning("%s: left out, as they are not named like the frames: %s", folder, names)


def find_gap(names: Sequence[str], step: int | None = None) -> tuple[str, str] | None:
    """Find two neighbouring frames between which others seem to be missing.

    Args:
        names: File names in order.
        step: By how much the frames' numbers rise; None takes the smallest rise that occurs.

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
