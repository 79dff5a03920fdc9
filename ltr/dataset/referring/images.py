"""RefCOCO, RefCOCO+ and RefCOCOg: one image entry per sentence, in the form of COCO's files.

``train2014/*.jpg`` and ``<name>/instances_<name>_<split>.json``, as
``python -m ltr.dataset.convert refcoco`` writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.image_io import read_image
from ltr.data.json_io import read_json
from ltr.data.names import plain_name
from ltr.data.referring.dataset import ReferringDataset
from ltr.data.rle import as_rle, decode


class ReferringImages(ReferringDataset):
    """Every sentence with its image.

    Args:
        name: Name and split.
        root: COCO's folder.
        family: ``refcoco``, ``refcoco+`` or ``refcocog``.
        split: Split of the family, for example ``train`` or ``val``.

    Raises:
        DataError: The list is missing or damaged.
    """

    is_video = False

    def __init__(self, name: str, root: Path, family: str, split: str = "train") -> None:
        super().__init__(name)
        self.file = root / family / f"instances_{family}_{split}.json"
        self._images = root / "train2014"
        self._entries = _join(self.file)

    def __len__(self) -> int:
        return len(self._entries)

    def describe(self, index: int) -> str:
        """Data set and number of the sentence."""
        return f"{self.name} sentence {self._entries[index]['id']}"

    def sentence(self, index: int) -> str:
        """See ``ReferringDataset``."""
        return self._entries[index]["caption"]

    def identifier(self, index: int) -> int:
        """Id of the sentence's image entry."""
        return int(self._entries[index]["id"])

    def label(self, index: int) -> int:
        """The category's id in COCO, up to 90."""
        return int(self._entries[index]["category_id"])

    def path(self, index: int) -> Path:
        """The picture."""
        return self._images / plain_name(self._entries[index]["file_name"], self.file)

    def shape(self, index: int) -> tuple[int, int]:
        """(H, W) of the picture, pixels."""
        entry = self._entries[index]
        return int(entry["height"]), int(entry["width"])

    def box(self, index: int) -> np.ndarray | None:
        """The annotation's box, cut at the image's border; zeros for a crowd region."""
        entry = self._entries[index]
        if entry["iscrowd"]:
            return np.zeros(4, np.float32)
        x, y, width, height = entry["bbox"]
        corners = np.array([x, y, x + width, y + height], np.float32)
        limits = np.array([entry["width"], entry["height"]] * 2, np.float32)
        return corners.clip(0, limits)

    def num_frames(self, index: int) -> int:
        """See ``ReferringDataset``."""
        return 1

    def read(
        self, index: int, positions: Sequence[int]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """See ``ReferringDataset``; the only position is 0."""
        entry = self._entries[index]
        path = self.path(index)
        image = read_image(path)
        if image.shape[:2] != (entry["height"], entry["width"]):
            raise DataError(
                f"{path} is not {entry['width']}x{entry['height']}, as {self.file} has it"
            )
        rle = as_rle(entry["segmentation"], *image.shape[:2])
        mask = decode(rle).astype(bool) if rle else np.zeros(image.shape[:2], bool)
        return [image] * len(positions), [mask] * len(positions)


def _join(file: Path) -> list[dict[str, Any]]:
    """Every image entry with its annotation's segmentation, box, crowd flag and category."""
    content = read_json(file)
    try:
        objects = {
            entry["image_id"]: {
                "segmentation": entry["segmentation"],
                "bbox": [float(value) for value in entry["bbox"]],
                "iscrowd": bool(entry["iscrowd"]),
                "category_id": int(entry.get("category_id", 0)),
            }
            for entry in content["annotations"]
        }
        keys = ("id", "file_name", "height", "width", "caption")
        entries = [
            {**{key: entry[key] for key in keys}, **objects[entry["id"]]}
            for entry in content["images"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{file} is not a list of sentences: {error!r}") from error
    if not entries:
        raise DataError(f"{file} holds no sentence")
    return entries
