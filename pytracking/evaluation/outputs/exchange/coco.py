"""Instance files of COCO: images and annotations, masks as run lengths or polygons."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write
from ltr.data.json_io import read_json, translate_json_errors
from ltr.data.rle import Rle, as_rle, decode, encode
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    ObjectNumbers,
    bounding_box,
    merged,
    safe_name,
)

_EXPECTED = "images and annotations of COCO"

Masks = Sequence[tuple[int, Rle]]


class CocoFile(ExchangeFormat):
    """One JSON file; an annotation's ``track_id`` is the object's id, its category the name."""

    suffix = ".json"
    holds_several = True

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        categories: dict[str, int] = {}
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for video in videos:
            for index, stem in enumerate(video.stems):
                file_name = f"{safe_name(video.name)}/{stem}{video.suffix}"
                width, height = video.size
                image_id = len(images) + 1
                images.append(
                    {"id": image_id, "file_name": file_name, "width": width, "height": height}
                )
                for number, mask in video.masks(index):
                    category = categories.setdefault(video.name_of(number), len(categories) + 1)
                    annotations.append(
                        {
                            "id": len(annotations) + 1,
                            "image_id": image_id,
                            "category_id": category,
                            "track_id": number,
                            "segmentation": encode(mask),
                            "bbox": list(map(float, bounding_box(mask))),
                            "area": float(mask.sum()),
                            "iscrowd": 0,
                        }
                    )
        content = {
            "info": {"description": "masks of videos"},
            "licenses": [],
            "images": images,
            "annotations": annotations,
            "categories": [{"id": number, "name": name} for name, number in categories.items()],
        }
        with atomic_write(target, "w") as stream:
            json.dump(content, stream)

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``; a video is the folder in the images' names."""
        content = read_json(source)
        with translate_json_errors(source, _EXPECTED):
            names = {entry["id"]: str(entry["name"]) for entry in content.get("categories", [])}
            by_image = defaultdict(list)
            for annotation in content["annotations"]:
                by_image[annotation["image_id"]].append(annotation)
            videos: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for image in content["images"]:
                videos[_folder_of(image["file_name"]) or source.stem].append(image)
            for video, images in videos.items():
                yield _read_video(source, video, images, by_image, names)


COCO_FILE = CocoFile()


def _read_video(
    source: Path,
    video: str,
    images: Sequence[dict[str, Any]],
    by_image: Mapping[Any, Sequence[dict[str, Any]]],
    names: Mapping[Any, str],
) -> LabelledVideo:
    images = sorted(images, key=lambda image: str(image["file_name"]))
    size = images[0]["width"], images[0]["height"]
    numbers = ObjectNumbers(source)
    frames: list[Masks] = []
    for image in images:
        if (image["width"], image["height"]) != size:
            raise DataError(f"{source} holds images of several sizes: masks of one video have one")
        masks = []
        annotations = by_image.get(image["id"], ())
        for place, annotation in enumerate(annotations):
            name = names.get(annotation.get("category_id"), "")
            track = annotation.get("track_id", annotation.get("instance_id"))
            key = (name, place) if track is None else track
            rle = as_rle(annotation["segmentation"], size[1], size[0])
            if rle is not None:
                masks.append((numbers.id_of(key, name, track), rle))
        frames.append(masks)
    stems = [PurePosixPath(str(image["file_name"]).replace("\\", "/")).stem for image in images]
    suffix = PurePosixPath(str(images[0]["file_name"])).suffix or ".jpg"
    return LabelledVideo(
        safe_name(video), size, stems, partial(labels_of_runs, frames, size), numbers.names,
        suffix=suffix,
    )  # fmt: skip


def labels_of_runs(frames: Sequence[Masks], size: tuple[int, int], index: int) -> np.ndarray:
    """The label map of a frame, uint8 (H, W), from run lengths.

    Args:
        frames: Ids and run lengths of every frame; later ones lie on top.
        size: (width, height) in pixels.
        index: Index of the frame.
    """
    masks = ((number, decode(rle)) for number, rle in frames[index])
    return merged((size[1], size[0]), masks)


def _folder_of(file_name: object) -> str:
    parent = PurePosixPath(str(file_name).replace("\\", "/")).parent
    return parent.name
