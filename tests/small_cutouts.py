"""A tiny DAVIS from which persons, animals and vehicles are cut out, and a tiny COCO beside it."""

from __future__ import annotations

from pathlib import Path

from tests.small_coco import write_coco
from tests.video_trees import write_davis

TRAIN, VALID = ("hike", "dog", "bus"), ("breakdance-flare", "bear", "car-turn")
_FRAMES = {f"{index:05d}": {1: (4 + 2 * index, 4)} for index in range(4)}


def write_sources(root: Path) -> tuple[Path, Path]:
    """The folders of both: squares of 32 pixels in sequences with the names of real ones."""
    videos = dict.fromkeys((*TRAIN, *VALID), _FRAMES)
    return write_coco(root / "coco"), write_davis(root / "davis", videos, "train", side=32)
