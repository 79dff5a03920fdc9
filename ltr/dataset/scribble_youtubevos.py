"""Convert the scribbled part of YouTube-VOS 2018 to the layout of DAVIS.

SRC holds train/JPEGImages/<seq> and train/CleanedAnnotations/<seq>; SCB holds val.txt and
<seq>/001.json to 003.json. Frames are renumbered from 00000, as the scribbles count them.

Example:
    python scripts/interactive/prepare_ytbvos.py --src YTVOS --scb SCRIBBLES
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.cli import CommandParser, command, set_up_logging
from ltr.admin.errors import ConfigError, DataError, OutputError
from ltr.admin.files import TEMPORARY_SUFFIX, atomic_write
from ltr.admin.progress import FrameProgress
from ltr.data.frame_files import list_frames
from ltr.data.image_io import read_image, read_label_map
from ltr.data.json_io import write_json
from ltr.data.palette import VOID
from ltr.data.text_files import read_names

_DEFAULT = Path("data/Scribble_Youtube_VOS")
_TABLE = "scb_ytbvos.json"
_SETS = ("001.json", "002.json", "003.json")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write the converted data set, whole or not at all."""
    parser = CommandParser(__doc__)
    parser.add_argument(
        "--src", type=Path, required=True, metavar="DIR", help="folder of YouTube-VOS 2018"
    )
    parser.add_argument(
        "--scb", type=Path, required=True, metavar="DIR", help="folder of the scribbles"
    )
    parser.add_argument("--dst", type=Path, default=_DEFAULT, metavar="DIR", help=f"({_DEFAULT})")
    parser.add_quiet()
    arguments = parser.parse_args(argv)
    set_up_logging(arguments.quiet)
    count = convert(arguments.src, arguments.scb, arguments.dst, arguments.quiet)
    print(f"{count} sequences: {arguments.dst}")
    return 0


def convert(source: Path, scribbles: Path, target: Path, quiet: bool = False) -> int:
    """Convert the sequences for which there are scribbles.

    Args:
        source: YouTube-VOS 2018, with cleaned annotations.
        scribbles: ``val.txt`` and one folder per sequence.
        target: The new data set; must not exist.
        quiet: Show no progress.

    Returns:
        Number of sequences.

    Raises:
        ConfigError: The target exists.
        DataError: A file is missing, damaged or does not fit the others.
        OutputError: The target cannot be written.
    """
    images = source / "train" / "JPEGImages"
    annotations = source / "train" / "CleanedAnnotations"
    _check_sources(images, annotations)
    names = _read_names(scribbles / "val.txt")
    if target.exists():
        raise ConfigError(f"{target} exists already: name another folder with --dst")
    staging = target.with_name(f".{target.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        table = {}
        with FrameProgress("converting", len(names), quiet, "sequences") as progress:
            for name in names:
                table[name] = _convert_sequence(
                    name, images / name, annotations / name, scribbles / name, staging
                )
                progress.advance()
        _write_lists(staging, names, table)
        staging.rename(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return len(names)


def _check_sources(images: Path, annotations: Path) -> None:
    counts = []
    for folder in (images, annotations):
        if not folder.is_dir():
            raise DataError(f"{folder} is not a folder: expected one folder of frames per sequence")
        counts.append(sum(entry.is_dir() for entry in folder.iterdir()))
    if counts[0] != counts[1]:
        raise DataError(f"{images} holds {counts[0]} sequences, {annotations} {counts[1]}")


def _read_names(file: Path) -> list[str]:
    names = read_names(file, "the list of sequences")
    wrong = [name for name in names if Path(name).name != name or name == ".."]
    if wrong or not names:
        raise DataError(f"{file} lists no sequence" if not names else f"{file}: {wrong[0]!r}")
    return names


def _convert_sequence(
    name: str, images: Path, annotations: Path, scribbles: Path, target: Path
) -> dict[str, Any]:
    """Copy one sequence; its row of the table."""
    frames, masks = list_frames(images), list_frames(annotations)
    if len(frames) != len(masks):
        raise DataError(f"{images} holds {len(frames)} frames, {annotations} {len(masks)}")
    ids: set[int] = set()
    size = read_image(images / frames[0]).shape[:2]
    for mask in masks:
        labels = read_label_map(annotations / mask)
        if labels.shape != size:
            raise DataError(f"{annotations / mask} has the shape {labels.shape}, not {size}")
        ids |= set(np.unique(labels).tolist()) - {0, VOID}
    if ids != set(range(1, len(ids) + 1)) or not ids:
        raise DataError(f"{annotations} shows the objects {sorted(ids)}, expected 1, 2, ...")
    _copy(images, frames, target / "JPEGImages" / "480p" / name)
    _copy(annotations, masks, target / "Annotations" / "480p" / name)
    _copy_scribbles(scribbles, target / "Scribbles" / name)
    return _row(name, len(frames), size, len(ids))


def _copy(source: Path, names: Sequence[str], target: Path) -> None:
    target.mkdir(parents=True)
    for index, name in enumerate(names):
        shutil.copyfile(source / name, target / f"{index:05d}{Path(name).suffix}")


def _copy_scribbles(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for name in _SETS:
        if not (source / name).is_file():
            raise DataError(f"{source / name} does not exist")
        shutil.copyfile(source / name, target / name)


def _row(name: str, num_frames: int, size: tuple[int, int], num_objects: int) -> dict[str, Any]:
    """As in the table of the DAVIS framework; upstream's script writes a wrong image_size."""
    return {
        "attributes": [],
        "eval_t": True,
        "name": name,
        "set": "val",
        "year": 2018,
        "num_scribbles": len(_SETS),
        "num_frames": num_frames,
        "image_size": [size[1], size[0]],
        "num_objects": num_objects,
    }


def _write_lists(target: Path, names: Sequence[str], table: dict[str, Any]) -> None:
    with atomic_write(target / "ImageSets" / "2017" / "val.txt", "w") as stream:
        stream.write("".join(f"{name}\n" for name in names))
    content = {"attributes": [], "sets": ["train", "val"], "years": [2018], "sequences": table}
    write_json(target / _TABLE, content)
