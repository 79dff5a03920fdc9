"""Still images with outlined instances: COCO and LVIS, one object of an image each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.environment import require, train_environment
from ltr.admin.errors import DataError
from ltr.admin.progress import FrameProgress
from ltr.data.image_io import read_image
from ltr.data.json_io import read_json, translate_json_errors
from ltr.data.names import plain_path
from ltr.data.rle import as_rle, counts_of, decode
from ltr.dataset.image_base import ImageDataset

_MIN_NUMBERS = 6


@dataclass(frozen=True)
class InstanceLayout:
    """Where annotations and images lie below a data set's folder.

    Args:
        variable: Path variable of the data set.
        annotations: The JSON file; ``{version}`` and ``{split}`` are filled in.
        images: The folder of images; ``{version}`` and ``{split}`` are filled in.
        version: Used when none is given.
        by_address: Whether images are found by the end of their web address, ``train2017/x.jpg``:
            the file names in LVIS 0.5 are those of COCO 2014, and LVIS 1 has none.
    """

    variable: str
    annotations: str
    images: str
    version: str
    by_address: bool = False


LAYOUTS: Mapping[str, InstanceLayout] = {
    "COCO": InstanceLayout(
        "coco_dir", "annotations/instances_{split}{version}.json", "images/{split}{version}", "2014"
    ),
    "LVIS": InstanceLayout(
        "lvis_dir", "annotations/lvis_v{version}_{split}.json", "images", "0.5", by_address=True
    ),
}


class InstanceImages(ImageDataset):
    """Every instance that is not a crowd, with the image around it.

    The outlines are kept as compressed run lengths in one array, because a loader copies them to
    every worker.

    Args:
        name: A key of ``LAYOUTS``.
        root: The data set's folder; None takes it from ``ltr/admin/local.py``.
        split: ``train`` or ``val``.
        version: Version of the annotations; None takes the layout's default.
        min_area: Smallest area of an instance, pixels.
        image_loader: Reads a picture as uint8 (H, W, 3) RGB.

    Raises:
        DataError: The annotations are missing or damaged, or hold no instance.
    """

    def __init__(
        self,
        name: str,
        root: str | Path | None = None,
        split: str = "train",
        version: str | None = None,
        min_area: float = 0.0,
        image_loader: Callable[[Path], np.ndarray] = read_image,
    ) -> None:
        layout = LAYOUTS[name]
        folder = Path(root) if root else require(train_environment(), layout.variable)
        version = version or layout.version
        file = folder / layout.annotations.format(split=split, version=version)
        self._name = f"{name}/{version}/{split}"
        self._folder = folder / layout.images.format(split=split, version=version)
        self._image_loader = image_loader
        with translate_json_errors(file, "an annotation file in COCO's format"):
            self._read(file, min_area, _end_of_address if layout.by_address else _file_name)

    def _read(
        self, file: Path, min_area: float, name_of: Callable[[Mapping[str, Any]], str]
    ) -> None:
        images, annotations, self._category_names = _read_annotations(file, min_area)
        places = {number: place for place, number in enumerate(images)}
        self._files = np.array([plain_path(name_of(image), file) for image in images.values()])
        self._sizes = np.array([(i["height"], i["width"]) for i in images.values()], np.int32)
        self._places = np.array([places[a["image_id"]] for a in annotations], np.int32)
        self._categories = np.array([a.get("category_id", -1) for a in annotations], np.int32)
        runs = []
        with FrameProgress(f"reading {file.name}", len(annotations), unit="objects") as progress:
            for annotation, place in zip(annotations, self._places.tolist(), strict=True):
                runs.append(_run_lengths(annotation["segmentation"], *self._sizes[place].tolist()))
                progress.advance()
        self._ends = np.cumsum([len(run) for run in runs])
        self._runs = np.frombuffer(b"".join(runs), dtype=np.uint8)

    def get_name(self) -> str:
        """Name, version and split."""
        return self._name

    def get_num_images(self) -> int:
        """Number of instances."""
        return len(self._places)

    def get_image(self, image_id: int) -> np.ndarray:
        """Read the image of an instance."""
        return self._image_loader(self._folder / str(self._files[self._places[image_id]]))

    def get_category(self, image_id: int) -> str:
        """Name the category of an instance."""
        return self._category_names.get(int(self._categories[image_id]), "object")

    def get_picture(self, image_id: int) -> int:
        """Number of the image of an instance."""
        return int(self._places[image_id])

    def get_mask(self, image_id: int) -> np.ndarray:
        """Decode the mask of an instance."""
        start = self._ends[image_id - 1] if image_id else 0
        counts = self._runs[start : self._ends[image_id]].tobytes()
        size = self._sizes[self._places[image_id]].tolist()
        return decode({"size": size, "counts": counts})


def _read_annotations(
    file: Path, min_area: float
) -> tuple[dict[int, dict[str, Any]], list[dict[str, Any]], dict[int, str]]:
    """Images by id, the annotations that count, and the categories by id."""
    record = read_json(file)
    images = {image["id"]: image for image in record["images"]}
    categories = {entry["id"]: entry["name"] for entry in record.get("categories", ())}
    annotations = [
        annotation
        for annotation in record["annotations"]
        if not annotation.get("iscrowd") and annotation["area"] >= max(min_area, 1.0)
    ]
    if not annotations:
        raise DataError(f"{file} holds no instance")
    return images, annotations, categories


def _file_name(image: Mapping[str, Any]) -> str:
    return str(image["file_name"])


def _end_of_address(image: Mapping[str, Any]) -> str:
    return "/".join(image["coco_url"].split("/")[-2:])


def _run_lengths(segmentation: Any, height: int, width: int) -> bytes:
    """Compressed run lengths of polygons, of plain run lengths, or of compressed ones."""
    if isinstance(segmentation, list):  # outlines of two points cover nothing, but do occur
        segmentation = [outline for outline in segmentation if len(outline) >= _MIN_NUMBERS]
    runs = as_rle(segmentation, height, width)
    if runs is None:
        raise ValueError("an instance has no mask")
    return counts_of(runs)
