"""Synthetic clips in YouTube-VIS's layout: ``python -m ltr.dataset.synthetic_ytvis FOLDER``.

The classes are the shapes, or all shapes are of one class, ``object``; colour, motion, place and
size are stored with each annotation. Training and validation clips have different seeds, so no clip
is in both.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import ConfigError, OutputError, did_you_mean
from ltr.admin.progress import FrameProgress
from ltr.dataset.synthetic_shapes import SHAPES, render_clip
from ltr.dataset.youtubevis_classes import CLASSES
from ltr.dataset.youtubevis_file import VisWriter

_VALIDATION_SEED = 1_000_000


def write_synthetic_split(
    root: Path,
    split: str,
    seeds: Iterable[int],
    shapes: Sequence[str] = SHAPES,
    frames: int = 12,
    size: tuple[int, int] = (96, 160),
    is_coarse: bool = False,
) -> None:
    """Draw clips and write ``<split>/JPEGImages/<clip>/<frame>.jpg`` and ``<split>.json``.

    Args:
        root: Folder of the data set.
        split: ``train`` or ``valid``.
        seeds: One a clip.
        shapes: The classes.
        frames: Length of a clip.
        size: Height and width.
        is_coarse: Whether all shapes are of the class ``object`` of the coarse classes.

    Raises:
        OSError: The folder cannot be written.
    """
    seeds = list(seeds)
    writer = VisWriter(CLASSES["coarse"] if is_coarse else shapes, "synthetic clips")
    with FrameProgress(f"drawing {split}", len(seeds), unit="clips") as progress:
        for seed in seeds:
            clip = render_clip(seed, frames, size, shapes=shapes)
            objects = dict(enumerate(clip.objects, 1))
            writer.add_clip(
                root / split,
                f"{seed:07d}",
                clip.images,
                clip.labels,
                {n: "object" if is_coarse else shown.shape for n, shown in objects.items()},
                {number: dataclasses.asdict(shown) for number, shown in objects.items()},
            )
            progress.advance()
    writer.write(root / f"{split}.json")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write both splits."""
    parser = CommandParser(__doc__)
    parser.add_argument("folder", type=Path, help="new folder of the data set")
    parser.add_argument("--train", type=int, default=400, metavar="N", help="clips (400)")
    parser.add_argument("--valid", type=int, default=50, metavar="N", help="clips (50)")
    parser.add_argument("--frames", type=int, default=12, metavar="N", help="of a clip (12)")
    parser.add_argument("--seed", type=int, default=0, help="of the first training clip (0)")
    parser.add_argument(
        "--shapes",
        default=",".join(CLASSES["shapes"]),
        metavar="A,B,...",
        help="classes (disc,triangle,star)",
    )
    parser.add_argument(
        "--coarse",
        action="store_true",
        help="every shape is an object, beside persons, animals and vehicles",
    )
    arguments = parser.parse_args(argv)
    shapes = _shapes(arguments.shapes)
    if arguments.folder.exists() and any(arguments.folder.iterdir()):
        raise OutputError(f"{arguments.folder} is not empty: give a new folder")
    if min(arguments.train, arguments.valid, arguments.frames) < 1 or arguments.seed < 0:
        raise ConfigError("--train, --valid and --frames must be positive, --seed not negative")
    for split, count, first in (
        ("train", arguments.train, arguments.seed),
        ("valid", arguments.valid, arguments.seed + _VALIDATION_SEED),
    ):
        seeds = range(first, first + count)
        write_synthetic_split(
            arguments.folder, split, seeds, shapes, arguments.frames, is_coarse=arguments.coarse
        )
    return 0


def _shapes(text: str) -> tuple[str, ...]:
    shapes = tuple(text.split(","))
    for shape in shapes:
        if shape not in SHAPES:
            raise ConfigError(f"--shapes: there is no {shape!r}{did_you_mean(shape, SHAPES)}")
    return shapes


if __name__ == "__main__":
    sys.exit(main())
