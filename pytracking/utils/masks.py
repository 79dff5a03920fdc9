"""``python -m pytracking.utils.masks convert MASKS LABELS``: make label PNGs of other masks.

MASKS is a picture or a folder of them (of one video, so that ids agree). Every colour beside black
and transparent becomes an object, numbered from 1, darker ones first. Smoothed black and white
masks and JPEGs are cut at a threshold instead: what is as light or lighter is object 1.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import ConfigError, DataError
from ltr.data.frame_files import IMAGE_SUFFIXES, list_visible, sort_naturally
from ltr.data.image_io import read_rgba, write_label_map

_OPAQUE = 128
_HALF = 128
_MAX_OBJECTS = 100
_CODE = np.array([1 << 16, 1 << 8, 1])


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Convert all masks."""
    parser = CommandParser(__doc__, "python -m pytracking.utils.masks")
    parser.add_argument("action", choices=["convert"], help="what to do")
    parser.add_argument("masks", type=Path, help="picture, or folder of pictures of one video")
    parser.add_argument("labels", type=Path, help="folder of the label PNGs")
    parser.add_argument(
        "--threshold",
        type=int,
        metavar="VALUE",
        help="object 1 is what is at least as light, 1 to 255 (128 where edges are smoothed)",
    )
    arguments = parser.parse_args(argv)
    if arguments.threshold is not None and not 1 <= arguments.threshold <= 255:
        raise ConfigError(f"--threshold {arguments.threshold}: expected 1 to 255")
    print(convert(arguments.masks, arguments.labels, arguments.threshold))
    return 0


def convert(masks: Path, labels: Path, threshold: int | None = None) -> str:
    """Write the label PNGs; all pictures are read before the first is written.

    Args:
        masks: A picture, or a folder of pictures.
        labels: Folder of the results, ``<name of the picture>.png``.
        threshold: Cut there; None numbers the colours, or cuts smoothed pictures at 128.

    Returns:
        What was done, a sentence.

    Raises:
        ConfigError: The results would replace the masks.
        DataError: There is no picture, one is damaged, or there are too many colours.
        OSError: The folder cannot be written.
    """
    files = _list_pictures(masks)
    if any(_target(file, labels).resolve() == file.resolve() for file in files):
        raise ConfigError(f"{labels} holds the masks themselves: name another folder")
    found: set[int] = set()
    for file in files:
        found |= set(np.unique(_codes(file)).tolist())
    found.discard(0)
    if threshold is None and len(found) > _MAX_OBJECTS // 2 and all(map(_is_grey, found)):
        threshold = _HALF
    if threshold is not None:
        for file in files:
            light = _grey(file) >= threshold
            write_label_map(_target(file, labels), light.astype(np.uint8))
        return f"{len(files)} masks: object 1 is what is at least as light as {threshold}"
    if len(found) > _MAX_OBJECTS:
        raise DataError(
            f"{masks} has {len(found)} colours, more than {_MAX_OBJECTS} objects: save it without "
            "smoothing, or name --threshold"
        )
    colours = np.array(sorted(found, key=_brightness), np.int64)
    order = np.argsort(colours)
    for file in files:
        codes = _codes(file)
        numbers = np.zeros(codes.shape, np.uint8)
        if len(colours):
            places = np.searchsorted(colours, codes, sorter=order).clip(max=len(colours) - 1)
            numbers = np.where(codes > 0, order[places] + 1, 0).astype(np.uint8)
        write_label_map(_target(file, labels), numbers)
    told = ", ".join(f"#{code:06x} = {place}" for place, code in enumerate(colours.tolist(), 1))
    return f"{len(files)} masks: {told or 'no object'}"


def _list_pictures(masks: Path) -> list[Path]:
    if not masks.is_dir():
        return [masks]
    names = [name for name in list_visible(masks) if name.lower().endswith(IMAGE_SUFFIXES)]
    if not names:
        raise DataError(f"{masks} holds no picture")
    return [masks / name for name in sort_naturally(names)]


def _target(file: Path, labels: Path) -> Path:
    return labels / f"{file.stem}.png"


def _codes(file: Path) -> np.ndarray:
    """Colours as numbers, int64 (H, W); 0 where black or transparent.

    A shape in black on nothing is white here.
    """
    pixels = read_rgba(file)
    opaque = pixels[..., 3] >= _OPAQUE
    codes = np.where(opaque, pixels[..., :3] @ _CODE, 0)
    if not opaque.all() and not codes.any():
        return np.where(opaque, 0xFFFFFF, 0)
    return codes


def _grey(file: Path) -> np.ndarray:
    """Lightness, uint8 (H, W)."""
    codes = _codes(file)
    return (((codes >> 16) + (codes >> 8 & 255) + (codes & 255)) // 3).astype(np.uint8)


def _is_grey(code: int) -> bool:
    return code >> 16 == code >> 8 & 255 == code & 255


def _brightness(code: int) -> tuple[int, int]:
    return (code >> 16) + (code >> 8 & 255) + (code & 255), code


if __name__ == "__main__":
    sys.exit(main())
