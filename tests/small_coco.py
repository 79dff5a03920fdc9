"""A tiny COCO: a person on a motorcycle, a mouse, and a crowd of dogs, on two images."""

from __future__ import annotations

import json
from pathlib import Path

from ltr.data.image_io import write_image
from tests.video_trees import textured_frame

SHAPE = (60, 90)
_NAMES = {1: "person", 4: "motorcycle", 18: "dog", 74: "mouse"}
_OBJECTS = ((1, 1, (20, 10, 20, 30)), (1, 4, (15, 30, 40, 20)), (2, 74, (30, 20, 20, 20)))


def write_coco(root: Path) -> Path:
    """Write ``annotations/instances_train2017.json`` and ``images/train2017``."""
    annotations = [
        {
            "id": number,
            "image_id": image,
            "category_id": category,
            "iscrowd": 0,
            "area": width * height,
            "segmentation": _outline(x, y, width, height),
        }
        for number, (image, category, (x, y, width, height)) in enumerate(_OBJECTS, 1)
    ]
    annotations.append({**annotations[0], "id": 9, "category_id": 18, "iscrowd": 1})
    images = [
        {"id": number, "file_name": f"{number:012d}.jpg", "height": SHAPE[0], "width": SHAPE[1]}
        for number in (1, 2)
    ]
    for image in images:
        write_image(root / "images/train2017" / image["file_name"], textured_frame(3, SHAPE))
    record = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for number, name in _NAMES.items()],
    }
    file = root / "annotations/instances_train2017.json"
    file.parent.mkdir()
    file.write_text(json.dumps(record))
    return root


def _outline(x: int, y: int, width: int, height: int) -> list[list[int]]:
    return [[x, y, x + width, y, x + width, y + height, x, y + height]]
