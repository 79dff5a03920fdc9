"""Labelled clips for the demo network of Propose-Reduce, from clips without labels.

``python label_clips.py FRAMES OUT``: FRAMES as ``python -m pytracking.utils.extract_frames VIDEOS
FRAMES --height 240 --every 5`` writes it for Intel's sample videos. Boxes that were drawn by hand
in one frame become masks, and JOINT's small network follows them. OUT gets ``train.json`` and
``train/JPEGImages`` in YouTube-VIS's format.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import OutputError, ToolkitError
from ltr.data.frame_files import list_frames
from ltr.data.image_io import read_label_map
from ltr.dataset.youtubevis_classes import CLASSES
from ltr.dataset.youtubevis_file import VisWriter
from pytracking import run_video


class Clip(NamedTuple):
    """Part of a clip, and its objects in the first frame of the part.

    Args:
        name: Folder of the frames.
        boxes: Left, top, width and height in pixels, of every object.
        category: Class of all objects.
        first: Number of the first frame.
        last: Number of the last frame; -1 for that of the clip.
    """

    name: str
    boxes: tuple[tuple[int, int, int, int], ...]
    category: str = "person"
    first: int = 0
    last: int = -1


CLIPS = (
    Clip("asl-again", ((84, 24, 148, 216),)),
    Clip("asl-book", ((94, 40, 122, 200),)),
    Clip("asl-help", ((92, 28, 150, 212),)),
    Clip("asl-milk", ((86, 11, 138, 229),)),
    Clip("asl-school", ((95, 40, 123, 200),)),
    Clip("asl-walk", ((99, 42, 124, 198),)),
    Clip(
        "head-pose-face-detection-female-and-male-preview",
        ((38, 42, 152, 198), (220, 29, 174, 211)),
    ),
    Clip("head-pose-face-detection-female-preview", ((120, 38, 168, 202),)),
    Clip("head-pose-face-detection-male-preview", ((118, 18, 202, 222),)),
    Clip("worker-zone-detection-preview", ((128, 78, 84, 162),), first=3),
    Clip("bottle-detection", ((338, 70, 42, 142),), "object", first=120, last=128),
    Clip("bottle-detection", ((193, 72, 44, 140), (338, 70, 42, 142)), "object", 150, 158),
)


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Follow the objects of all clips and write one file."""
    parser = CommandParser(__doc__, prog="label_clips.py")
    parser.add_argument("frames", type=Path, metavar="FRAMES")
    parser.add_argument("output", type=Path, metavar="OUT")
    arguments = parser.parse_args(argv)
    if arguments.output.exists():
        raise OutputError(f"{arguments.output} exists: give a new folder")
    writer = VisWriter(CLASSES["coarse"], "followed by JOINT from boxes in one frame")
    with tempfile.TemporaryDirectory() as folder:
        for number, clip in enumerate(CLIPS):
            name = f"{number:02d}-{clip.name}"
            _label(clip, arguments.frames, Path(folder) / name, arguments.output, writer)
    writer.write(arguments.output / "train.json")
    return 0


def _label(clip: Clip, source: Path, work: Path, output: Path, writer: VisWriter) -> None:
    """Follow the objects of a clip in ``work``, whose name becomes the clip's."""
    files = list_frames(source / clip.name)
    chosen = files[clip.first : clip.last + 1 if clip.last >= 0 else None]
    images = output / "train" / "JPEGImages" / work.name
    images.mkdir(parents=True)
    for file in chosen:
        shutil.copyfile(source / clip.name / file, images / file)
    boxes = [f"0:{i}:{x},{y},{w},{h}" for i, (x, y, w, h) in enumerate(clip.boxes, 1)]
    words = [word for box in boxes for word in ("--box", box)]
    places = [str(images), "--output", str(work), "--no-overlay", "--quiet"]
    if run_video.main(["joint", "joint_demo", *places, *words, "--device", "cpu"]):
        raise ToolkitError(f"{clip.name} could not be followed")
    masks = [read_label_map(path) for path in sorted((work / "masks").iterdir())]
    names = dict.fromkeys(range(1, len(boxes) + 1), clip.category)
    writer.add([f"{work.name}/{file}" for file in chosen], masks, names)


if __name__ == "__main__":
    sys.exit(main())
