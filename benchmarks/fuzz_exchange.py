"""Small files of other tools, and how their masks are read and converted."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fuzz_media import SIZE, check, image, labels, made, write

from pytracking.evaluation.outputs.exchange.labelled_video import LabelledVideo
from pytracking.evaluation.outputs.exchange.registry import read_exchange, write_exchange
from pytracking.utils.masks import convert

_FRAMES = 2
# Format and the file that is damaged below the folder ``made``.
FORMS = {
    "coco": "made.json",
    "youtube-vis": "made.json",
    "cvat": "made.xml",
    "label-studio": "made.json",
    "mots": "made.txt",
    "labelme": "made/00001.json",
    "mots-png": "made/00001.png",
    "fiftyone": "made/labels/v.json",
    "youtube-vos": "made/meta.json",
    "davis": "made/Annotations/Full-Resolution/v/00001.png",
    "alpha-mov": "made.mov",
    "alpha-webm": "made.webm",
}
_CVAT_IMAGES = """<annotations><image id="0" name="a.jpg" width="32" height="24">
<polygon label="dog" points="1,1;9,1;9,9" z_order="0" group_id="2"/>
<mask label="cat" rle="1,2,3" left="4" top="5" width="3" height="2" z_order="1"/>
<points label="eye" points="3,3"/></image>
<image id="1" name="b.jpg" width="32" height="24"/></annotations>"""


def make_exchange(form: str) -> Callable[[Path], None]:
    """Writes two frames with two objects in an exchange format."""

    def prepare(folder: Path) -> None:
        maps = [labels(), labels(2)]
        names = [f"{index:05d}" for index in range(_FRAMES)]
        video = LabelledVideo(
            "v", (SIZE[1], SIZE[0]), names, maps.__getitem__, {1: "dog"},
            fps=10.0, read_frame=lambda _: image(),
        )  # fmt: skip
        file = Path(FORMS[form])
        write_exchange(form, [video], folder / file.parts[0])

    return prepare


def read_videos(form: str) -> Callable[[Path], None]:
    """Reads all label maps."""

    def read(folder: Path) -> None:
        source = folder / Path(FORMS[form]).parts[0]
        for video in read_exchange(source, form):
            for index in range(min(len(video), _FRAMES)):
                check(video.labels(index), 2)

    return read


def make_cvat_images(folder: Path) -> None:
    """Write shapes of all kinds in the form for images."""
    made(folder / "made.xml").write_text(_CVAT_IMAGES, encoding="utf-8")


def make_smooth_mask(folder: Path) -> None:
    """Write two objects with smoothed edges."""
    import cv2

    grey = cv2.GaussianBlur(np.where(labels() > 0, 200, 0).astype(np.uint8), (5, 5), 1)
    write(folder / "mask.png", np.dstack([grey, grey // 2, grey]))


def convert_mask(path: Path) -> None:
    """Convert the mask as the command does."""
    with tempfile.TemporaryDirectory() as folder:
        convert(path, Path(folder))
