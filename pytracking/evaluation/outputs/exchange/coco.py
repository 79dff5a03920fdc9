"""Instance files of COCO: images and annotations, masks as run lengths or polygons."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write
from ltr.data.frame_files import sort_naturally
from ltr.data.json_io import read_json, translate_json_errors
from ltr.data.palette import VOID
from ltr.data.rle import Rle, as_rle, decode, encode
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    ObjectNumbers,
    bounding_box,
    check_distinct,
    check_size,
    check_stems,
    merged,
    safe_name,
)

_EXPECTED = "images and annotations of COCO"

Masks = Sequence[tuple[int, Rle]]


class CocoFile(ExchangeFormat):
    """One JSON file; an annotation's ``track_id`` is the object's id, its category the name.

    Crowds are void. Without tracks, objects are told apart by their categories.
    """

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
        write_instances(target, categories, annotations, images=images)

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``; a video is the folder in the images' names."""
        content = read_json(source)
        with translate_json_errors(source, _EXPECTED):
            names, by_image = read_instances(content, "image_id")
            videos: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for image in content["images"]:
                videos[_folder_of(image["file_name"])].append(image)
            short = [PurePosixPath(folder).name for folder in videos]
            for folder, images in videos.items():
                name = PurePosixPath(folder).name
                video = (name if short.count(name) == 1 else folder) or source.stem
                yield _read_video(source, video, images, by_image, names)


COCO_FILE = CocoFile()


def write_instances(
    target: Path,
    categories: Mapping[str, int],
    annotations: Sequence[dict[str, Any]],
    **places: Sequence[dict[str, Any]],
) -> None:
    """Write a file in COCO's or YouTube-VIS's layout.

    Args:
        target: The JSON file.
        categories: Ids by name.
        annotations: Entries of ``annotations``.
        places: ``images`` or ``videos``, the entries to which annotations belong.

    Raises:
        OSError: It cannot be written.
    """
    content = {
        "info": {"description": "masks of videos"},
        "licenses": [],
        **places,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in categories.items()],
    }
    with atomic_write(target, "w") as stream:
        json.dump(content, stream)


def read_instances(
    content: Mapping[str, Any], key: str
) -> tuple[dict[Any, str], Mapping[Any, list[dict[str, Any]]]]:
    """Categories and annotations of a file in COCO's or YouTube-VIS's layout.

    Args:
        content: What the file holds.
        key: Field that says where an annotation belongs, ``image_id`` or ``video_id``.

    Returns:
        The categories' names by id; the annotations by the value of ``key``, empty where none is.

    Raises:
        Exception: Fields are missing or damaged, see ``translate_json_errors``.
    """
    names = {entry["id"]: str(entry["name"]) for entry in content.get("categories", [])}
    grouped: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
    for annotation in content["annotations"]:
        grouped[annotation[key]].append(annotation)
    return names, grouped


def _read_video(
    source: Path,
    video: str,
    images: Sequence[dict[str, Any]],
    by_image: Mapping[Any, Sequence[dict[str, Any]]],
    names: Mapping[Any, str],
) -> LabelledVideo:
    by_stem = {_stem_of(image["file_name"]): image for image in images}
    if len(by_stem) < len(images):
        raise DataError(f"{source}: two images of {video} have one name")
    stems = check_stems(sort_naturally(list(by_stem)), source)
    images = [by_stem[stem] for stem in stems]
    size = check_size(images[0]["width"], images[0]["height"], source)
    numbers = ObjectNumbers(source)
    frames: list[Masks] = []
    nameless: list[list[str]] = []
    for image in images:
        if (image["width"], image["height"]) != size:
            raise DataError(f"{source} holds images of several sizes: masks of one video have one")
        found = _objects_of(by_image.get(image["id"], ()), names)
        nameless.append([item.name for item in found if item.track is None])
        frames.append(_masks_of(found, size, numbers))
    check_distinct(nameless, source, "add a track_id to every annotation")
    suffix = PurePosixPath(str(images[0]["file_name"])).suffix or ".jpg"
    return LabelledVideo(
        safe_name(video), size, stems, partial(labels_of_runs, frames, size), numbers.names,
        suffix=suffix,
    )  # fmt: skip


class _Object(NamedTuple):
    """An annotation: its object, by the track or else by name and place, and its segmentation."""

    name: str
    track: Any
    place: int
    segmentation: Any
    is_crowd: bool


def _objects_of(annotations: Sequence[dict[str, Any]], names: Mapping[Any, str]) -> list[_Object]:
    """The annotations of an image, crowds first, so that objects lie on top of them."""
    found, places = [], Counter[str]()
    for annotation in annotations:
        name = names.get(annotation.get("category_id"), "")
        is_crowd = bool(annotation.get("iscrowd"))
        # CVAT keeps the track among the attributes.
        track = annotation.get("track_id", annotation.get("instance_id"))
        if track is None:
            track = (annotation.get("attributes") or {}).get("track_id")
        if track is not None or is_crowd:
            place = 0
        else:
            place = places[name]
            places[name] += 1
        track = "crowd" if is_crowd else track
        found.append(_Object(name, track, place, annotation["segmentation"], is_crowd))
    return sorted(found, key=lambda item: not item.is_crowd)


def _masks_of(
    found: Sequence[_Object], size: tuple[int, int], numbers: ObjectNumbers
) -> list[tuple[int, Rle]]:
    masks = []
    for item in found:
        rle = as_rle(item.segmentation, size[1], size[0])
        if rle is not None:
            key = (item.name, item.place) if item.track is None else item.track
            number = VOID if item.is_crowd else numbers.id_of(key, item.name, item.track)
            masks.append((number, rle))
    return masks


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
    folder = str(PurePosixPath(str(file_name).replace("\\", "/")).parent)
    return "" if folder == "." else folder


def _stem_of(file_name: object) -> str:
    return PurePosixPath(str(file_name).replace("\\", "/")).stem
