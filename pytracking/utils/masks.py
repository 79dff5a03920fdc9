"""``python -m pytracking.utils.masks convert MASKS LABELS``: make label PNGs of other masks.

MASKS is a picture, a folder of them (of one video, so that ids agree), or annotations of CVAT,
Labelme, COCO or another tool that ``convert_masks.py`` knows. Masks that can be used as they are
keep their ids. Else every colour beside black and transparent becomes an object, numbered from 1,
darker ones first; where nothing is black, white is the background. In smoothed and compressed
pictures only colours that fill an area are objects. ``--threshold`` cuts: what is as light or
lighter is object 1.
"""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import ConfigError, DataError
from ltr.data.encoded_files import naming
from ltr.data.frame_files import IMAGE_SUFFIXES, list_visible, shorten, sort_naturally
from ltr.data.image_io import (
    picture_size,
    read_mask_file,
    read_rgba,
    read_wide_grey,
    write_label_map,
)
from ltr.data.json_io import read_json
from ltr.data.mask_rule import colour_codes, refuse_large
from ltr.data.palette import VOID
from pytracking.utils.solid_colours import is_near, main_colours, nearest_main, solid_pixels

_OPAQUE = 128
_MAX_PIXELS = 4096 * 4320  # what is converted: its colours are counted and merged
_WHITE = 0xFFFFFF
_FEWEST_RAMPS = 3
_COMPRESSED = (".jpg", ".jpeg", ".webp")
_MAX_OBJECTS = 100
_ANNOTATIONS = (".json", ".xml", ".zip")
# A command above this package; it knows the files of other tools.
_OTHER_TOOLS = "pytracking.convert_masks"


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Convert all masks."""
    parser = CommandParser(__doc__, "python -m pytracking.utils.masks")
    parser.add_argument("action", choices=["convert"], help="what to do")
    parser.add_argument("masks", type=Path, help="picture, folder of them, or annotations")
    parser.add_argument("labels", type=Path, help="folder of the label PNGs")
    parser.add_argument(
        "--threshold",
        type=int,
        metavar="VALUE",
        help="pixels at least this bright become object 1, 1 to 255",
    )
    arguments = parser.parse_args(argv)
    if arguments.threshold is not None and not 1 <= arguments.threshold <= 255:
        raise ConfigError(f"--threshold {arguments.threshold}: expected 1 to 255")
    if _is_annotation(arguments.masks):
        if arguments.threshold is not None:
            raise ConfigError("--threshold is for pictures only")
        words = [str(arguments.masks), str(arguments.labels), "--to", "png"]
        code: int = importlib.import_module(_OTHER_TOOLS).main(words)
        return code
    print(convert(arguments.masks, arguments.labels, arguments.threshold))
    return 0


def _is_annotation(source: Path) -> bool:
    """Whether this is a file of another tool, or a folder of Labelme's files."""
    if not source.is_dir():
        return source.suffix.lower() in _ANNOTATIONS
    first = next(iter(sorted(source.glob("*.json"))), None)
    content = None if first is None else read_json(first)
    return isinstance(content, dict) and "shapes" in content


def convert(masks: Path, labels: Path, threshold: int | None = None) -> str:
    """Write the label PNGs; all pictures are read before the first is written.

    Args:
        masks: A picture, or a folder of pictures.
        labels: Folder of the results, ``<name of the picture>.png``.
        threshold: Cut there; None keeps ids, or numbers the colours.

    Returns:
        What was done, a sentence.

    Raises:
        ConfigError: The results would replace the masks or one another.
        DataError: There is no picture, one is damaged, or there are too many colours.
        OSError: The folder cannot be written.
    """
    files, others = _list_pictures(masks)
    _check_targets(files, labels)
    _check_sizes(files)
    left_out = f"; left out: {shorten(others)}" if others else ""
    return f"{len(files)} masks: {_convert(files, labels, threshold, masks)}{left_out}"


def _convert(files: Sequence[Path], labels: Path, threshold: int | None, masks: Path) -> str:
    if threshold is None and _have_ids(files):
        return _keep_ids(files, labels)
    if threshold is not None:
        return _cut(files, labels, threshold)
    found, solid = _count_colours(files)
    if not _is_compressed(files) and len(found - solid.keys()) < _FEWEST_RAMPS:
        if len(found) > _MAX_OBJECTS:
            raise DataError(f"{masks} has {len(found)} colours, more than {_MAX_OBJECTS} objects")
        return _number_colours(files, labels, _without_background(found))
    return _number_main_colours(files, labels, solid, masks)


def _cut(files: Sequence[Path], labels: Path, threshold: int) -> str:
    for file in files:
        light = _grey(file) >= threshold
        write_label_map(_target(file, labels), light.astype(np.uint8))
    return f"object 1 is what is at least as light as {threshold}"


def _count_colours(files: Sequence[Path]) -> tuple[set[int], Counter[int]]:
    """All colours, and the pixels of those that fill a square somewhere."""
    found: set[int] = set()
    solid: Counter[int] = Counter()
    is_compressed = _is_compressed(files)
    for file in files:
        codes = _codes(file)
        found |= set(np.unique(codes).tolist())
        values, counts = np.unique(
            codes[solid_pixels(_channels(codes), is_compressed)], return_counts=True
        )
        solid.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    return found, solid


def _without_background(found: set[int]) -> list[int]:
    """The colours of objects, darker ones first; the background is black, or else white."""
    background = _WHITE if 0 not in found and len(found) > 1 else 0
    return sorted(found - {background}, key=_brightness)


def _number_main_colours(
    files: Sequence[Path], labels: Path, solid: Counter[int], masks: Path
) -> str:
    """Number the colours that fill areas; smoothed edges belong to the nearest area."""
    counts = Counter({_split(code): count for code, count in solid.items()})
    main = main_colours(counts)
    colours = [tuple(colour) for colour in main.tolist()]
    black = [colour for colour in colours if is_near(colour, (0, 0, 0))]
    white = [colour for colour in colours if is_near(colour, (255, 255, 255))]
    background = black or (white if len(colours) > 1 else [])
    objects = sorted((_join(colour) for colour in colours if colour not in background),
                     key=_brightness)  # fmt: skip
    if not 0 < len(objects) <= _MAX_OBJECTS:
        raise DataError(
            f"{masks} has {len(objects)} colours that fill an area, expected 1 to {_MAX_OBJECTS}: "
            "save it without smoothing and dithering, or name --threshold"
        )
    if len(objects) == 1 and black == background and _is_grey(objects[0]):
        return _cut(files, labels, ((objects[0] & 255) + 1) // 2)
    ids = [0 if colour in background else objects.index(_join(colour)) + 1 for colour in colours]
    is_compressed = _is_compressed(files)
    for file in files:
        numbers = nearest_main(_channels(_codes(file)), main, is_compressed, ids)
        write_label_map(_target(file, labels), numbers)
    return f"{_told(objects)}; smoothed edges belong to the nearest area"


def _have_ids(files: Sequence[Path]) -> bool:
    """Whether all masks can be used as they are, and mean the same by 255."""
    kinds = set()
    for file in files:
        read_rgba(file)  # a damaged picture is named here
        try:
            mask = read_mask_file(file)
        except DataError:
            return False
        if mask.labels.any():
            kinds.add(mask.is_black_and_white)
    return len(kinds) <= 1


def _keep_ids(files: Sequence[Path], labels: Path) -> str:
    counts = np.zeros(VOID + 1, np.int64)
    for file in files:
        ids = read_mask_file(file).labels
        counts += np.bincount(ids.ravel(), minlength=VOID + 1)
        write_label_map(_target(file, labels), ids)
    objects = ", ".join(map(str, np.flatnonzero(counts[1:VOID]) + 1))
    void = f", {counts[VOID]} pixels are void (255)" if counts[VOID] else ""
    return f"objects {objects}{void}" if objects else f"no object{void}"


def _number_colours(files: Sequence[Path], labels: Path, objects: Sequence[int]) -> str:
    for file in files:
        codes = _codes(file)
        numbers = np.zeros(codes.shape, np.uint8)
        for number, code in enumerate(objects, 1):
            numbers[codes == code] = number
        write_label_map(_target(file, labels), numbers)
    return _told(objects) or "no object"


def _told(objects: Sequence[int]) -> str:
    return ", ".join(f"#{code:06x} = {number}" for number, code in enumerate(objects, 1))


def _list_pictures(masks: Path) -> tuple[list[Path], list[str]]:
    """The pictures, and the names of what is left out."""
    if not masks.is_dir():
        return [masks], []
    names = list_visible(masks)
    pictures = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES)]
    if not pictures:
        raise DataError(f"{masks} holds no picture")
    others = [name for name in names if name not in set(pictures)]
    return [masks / name for name in sort_naturally(pictures)], sort_naturally(others)


def _check_sizes(files: Sequence[Path]) -> None:
    for file in files:
        width, height = picture_size(file)
        with naming(file):
            refuse_large(height, width, _MAX_PIXELS)


def _check_targets(files: Sequence[Path], labels: Path) -> None:
    if any(_target(file, labels).resolve() == file.resolve() for file in files):
        raise ConfigError(f"{labels} holds the masks themselves: name another folder")
    stems = Counter(file.stem.lower() for file in files)
    if twice := [file.name for file in files if stems[file.stem.lower()] > 1]:
        raise ConfigError(f"{shorten(twice)} would become one label PNG: rename all but one")


def _target(file: Path, labels: Path) -> Path:
    return labels / f"{file.stem}.png"


def _codes(file: Path) -> np.ndarray:
    """Colours as numbers, int32 (H, W), or int64; 0 where black or transparent.

    A shape in black on nothing is white here. Values of more than 8 bits are numbers already.
    """
    wide = read_wide_grey(file)
    if wide is not None and wide.max() > VOID:
        return wide
    pixels = read_rgba(file) if wide is None else _grey_rgba(wide)
    opaque = pixels[..., 3] >= _OPAQUE
    codes = colour_codes(pixels)
    codes[~opaque] = 0
    if not opaque.all() and not codes.any():
        codes[opaque] = _WHITE
    return codes


def _grey_rgba(values: np.ndarray) -> np.ndarray:
    return np.dstack([values, values, values, np.full_like(values, VOID)]).astype(np.uint8)


def _channels(codes: np.ndarray) -> np.ndarray:
    """Codes as colours, uint8 (H, W, 3)."""
    return np.dstack([codes >> 16 & 255, codes >> 8 & 255, codes & 255]).astype(np.uint8)


def _split(code: int) -> tuple[int, int, int]:
    return code >> 16 & 255, code >> 8 & 255, code & 255


def _join(colour: Sequence[int]) -> int:
    red, green, blue = map(int, colour)
    return (red << 16) + (green << 8) + blue


def _grey(file: Path) -> np.ndarray:
    """Lightness, uint8 (H, W)."""
    return (_channels(_codes(file)).sum(axis=-1, dtype=np.int64) // 3).astype(np.uint8)


def _is_compressed(files: Sequence[Path]) -> bool:
    return any(file.suffix.lower() in _COMPRESSED for file in files)


def _is_grey(code: int) -> bool:
    return code >> 16 == code >> 8 & 255 == code & 255


def _brightness(code: int) -> tuple[int, int]:
    return (code >> 16) + (code >> 8 & 255) + (code & 255), code


if __name__ == "__main__":
    sys.exit(main())
