"""Tiny copies of every training set in its official layout, all below one folder."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ltr.data.image_io import write_image
from ltr.dataset.davis import Davis
from ltr.dataset.experience import Transition, write_experience
from ltr.dataset.interactive.quality_masks import annotated_videos, probability_file
from ltr.dataset.youtubevis_classes import CLASSES
from ltr.dataset.youtubevis_file import VisWriter
from tests.plain_host import write_first_scribbles
from tests.referring_trees import TEXTS, write_a2d, write_refcoco, write_refytvos
from tests.small_coco import write_coco
from tests.small_cutouts import write_sources
from tests.small_referring import small_tokenizer
from tests.video_trees import label_map, textured_frame, write_davis, write_youtubevos

_LENGTH = 10
_SQUARES = {f"{t:05d}": {1: (3 + 3 * t, 4 + 2 * t), 2: (48 - 4 * t, 24)} for t in range(_LENGTH)}
_VIDEOS = {"bear": _SQUARES, "dog": _SQUARES}


def write_training_sets(root: Path) -> Path:
    """Write all sets that recipes name; ``path_variables`` says where they lie."""
    _write_videos(root)
    write_coco(root / "coco")
    write_sources(root / "cutouts")
    for name in ("refcoco", "refcoco+", "refcocog"):
        write_refcoco(root / "coco", name)
    for year in ("2019", "2021"):
        _write_instances(root / f"ytvis{year}", CLASSES[f"ytvis{year}"])
    _write_instances(root / "shapes", CLASSES["shapes"])
    _write_instances(root / "coarse", CLASSES["coarse"])
    write_refytvos(root / "refytvos")
    write_a2d(root / "a2d")
    small_tokenizer(root / "tokenizer", [*TEXTS, "the left square of one"])
    _write_recommendation(root)
    return root


def path_variables(root: Path, has_cutouts: bool = False) -> dict[str, str]:
    """The process variables under which the sets are found.

    Args:
        root: Where they were written.
        has_cutouts: Whether COCO and DAVIS are those with persons, animals and vehicles.
    """
    folders = {
        "davis": "davis", "youtubevos": "youtubevos", "oxuva": "oxuva", "coco": "coco",
        "trackingnet": "trackingnet", "kinetics": "kinetics", "ytvis2019": "ytvis2019",
        "ytvis2021": "ytvis2021", "refytvos": "refytvos", "a2d": "a2d", "workspace": "workspace",
    }  # fmt: skip
    if has_cutouts:
        folders |= {"davis": "cutouts/davis", "coco": "cutouts/coco"}
    return {f"LTR_{name.upper()}_DIR": str(root / folder) for name, folder in folders.items()}


def _write_videos(root: Path) -> None:
    """DAVIS with scribbles, YouTube-VOS, and the frames of the sets without labels."""
    write_davis(root / "davis", _VIDEOS, "train")
    for name in _VIDEOS:
        write_first_scribbles(root / "davis", name, _SQUARES)
    starts = {name: {1: "00000", 2: "00000"} for name in _VIDEOS}
    write_youtubevos(root / "youtubevos", _VIDEOS, starts, "2019/train")
    for folder in ("oxuva/images/dev", "trackingnet/train/jpegs", "kinetics/video_jpeg/train"):
        for name in _VIDEOS:
            for stem in _SQUARES:
                write_image(root / folder / name / f"{stem}.jpg", textured_frame(int(stem)))


def _write_instances(root: Path, classes: tuple[str, ...]) -> None:
    writer = VisWriter(classes, "tiny")
    files = [f"pets/{stem}.jpg" for stem in _SQUARES]
    for number, file in enumerate(files):
        write_image(root / "train/JPEGImages" / file, textured_frame(number))
    labels = [label_map(squares) for squares in _SQUARES.values()]
    writer.add(files, labels, {1: classes[0], 2: classes[-1]})
    writer.write(root / "train.json")


def _write_recommendation(root: Path) -> None:
    """What the networks of IVOS-W learn from: masks of a host, and a table of experience."""
    folder = root / "workspace/interactive"
    for video in annotated_videos(Davis(root / "davis", split="train")):
        for frame in range(_LENGTH):
            for object_id in (1, 2):
                file = probability_file(
                    folder / "quality_assessment", 1, video.name, object_id, frame
                )
                file.parent.mkdir(parents=True, exist_ok=True)
                truth = label_map(_SQUARES[f"{frame:05d}"]) == object_id
                cv2.imwrite(str(file), 255 * np.roll(truth, 2, axis=1).astype(np.uint8))
    rng = np.random.default_rng(0)
    rows = [
        Transition(
            "bear", 1, step, step + 1, step % _LENGTH, 1.0, float(rng.random()), False,
            rng.random(_LENGTH) / 2, 0.5 + rng.random(_LENGTH) / 2,
            np.zeros(_LENGTH), np.eye(_LENGTH)[step % _LENGTH],
        )
        for step in range(32)
    ]  # fmt: skip
    for name in ("pretrain.csv", "reward.csv"):
        write_experience(folder / name, rows)
