"""The JSON file of YouTube-VIS: videos, categories, and one annotation for each object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import box_of_mask
from ltr.data.image_io import write_image
from ltr.data.json_io import read_json, write_json
from ltr.data.names import plain_path
from ltr.data.rle import Rle, as_rle, encode

Box = tuple[float, float, float, float]

_FRAME_STEP = 5  # names of written frames count as in YouTube-VIS


@dataclass(frozen=True)
class VisVideo:
    """One video.

    Args:
        number: Id of the video.
        size: Height and width, pixels.
        files: Frames in order, below ``JPEGImages``.
    """

    number: int
    size: tuple[int, int]
    files: tuple[str, ...]

    @property
    def name(self) -> str:
        """The folder of its frames."""
        return self.files[0].rpartition("/")[0]


@dataclass(frozen=True)
class VisTrack:
    """One annotated object.

    Args:
        number: Id of the annotation.
        category: Id of the category.
        masks: Compressed run lengths per frame; None where the object is not visible.
        boxes: x, y, width, height in pixels per frame; None where the object is not visible.
        areas: Number of pixels per frame; None where the object is not visible.
        is_crowd: Whether it is a group that counts neither as found nor as missed.
    """

    number: int
    category: int
    masks: tuple[Rle | None, ...]
    boxes: tuple[Box | None, ...]
    areas: tuple[float | None, ...]
    is_crowd: bool = False


@dataclass(frozen=True)
class VisFile:
    """The content of a file.

    Args:
        path: The JSON file.
        categories: Category names by id.
        videos: Videos in the order of the file.
        tracks: Objects by id of the video; None where the file has no annotations, like those of
            the validation and test sets.
    """

    path: Path
    categories: Mapping[int, str]
    videos: tuple[VisVideo, ...]
    tracks: Mapping[int, tuple[VisTrack, ...]] | None


class VisSplit(NamedTuple):
    """Where a split lies: its annotations and the folder of its videos."""

    file: Path
    images: Path


def find_split(root: Path, split: str) -> VisSplit:
    """Find ``SPLIT.json`` (2019) or ``SPLIT/instances.json`` (2021) in a data set's folder.

    Raises:
        DataError: There is neither.
    """
    files = (root / f"{split}.json", root / split / "instances.json")
    for file in files:
        if file.is_file():
            return VisSplit(file, root / split / "JPEGImages")
    raise DataError(f"neither {files[0]} nor {files[1]} exists")


def read_vis_file(path: Path) -> VisFile:
    """Read and check a file.

    Raises:
        DataError: It is missing or damaged; the sentence names the entry.
    """
    return check_record(read_json(path), path)


def check_record(record: Any, path: Path) -> VisFile:
    """Check the content of a file.

    Args:
        record: Content of the JSON file.
        path: Named in errors.

    Raises:
        DataError: It is damaged; the sentence names the entry.
    """
    try:
        categories = {entry["id"]: str(entry["name"]) for entry in record["categories"]}
        videos = tuple(_video(entry, path) for entry in record["videos"])
        annotations = record.get("annotations")
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise DataError(f"{path} is not a file in YouTube-VIS's format: {error!r}") from error
    if not videos:
        raise DataError(f"{path} holds no video")
    if annotations is not None and not isinstance(annotations, list):
        raise DataError(f"{path}: 'annotations' is not a list")
    tracks = _tracks(annotations, videos, categories, path) if annotations else None
    return VisFile(path, categories, videos, tracks)


def _video(entry: Mapping[str, Any], path: Path) -> VisVideo:
    files = tuple(plain_path(name, path) for name in entry["file_names"])
    if not files:
        raise DataError(f"{path}: video {entry['id']} has no frame")
    return VisVideo(int(entry["id"]), (int(entry["height"]), int(entry["width"])), files)


def _tracks(
    annotations: Sequence[Any],
    videos: Sequence[VisVideo],
    categories: Mapping[int, str],
    path: Path,
) -> dict[int, tuple[VisTrack, ...]]:
    by_number = {video.number: video for video in videos}
    found: dict[int, list[VisTrack]] = {video.number: [] for video in videos}
    for place, entry in enumerate(annotations):
        try:
            video = by_number[entry["video_id"]]
            if entry["category_id"] not in categories:
                raise DataError(f"there is no category {entry['category_id']}")
            found[video.number].append(_track(entry, video))
        except (KeyError, TypeError, ValueError, OverflowError, DataError) as error:
            raise DataError(f"{path}: annotation {place} is damaged: {error}") from error
    return {number: tuple(tracks) for number, tracks in found.items()}


def _track(entry: Mapping[str, Any], video: VisVideo) -> VisTrack:
    masks = tuple(as_rle(mask, *video.size) for mask in entry["segmentations"])
    boxes = tuple(_box(box) for box in entry["bboxes"])
    areas = tuple(entry["areas"])
    if not len(masks) == len(boxes) == len(areas) == len(video.files):
        raise DataError(
            f"expected {len(video.files)} masks, boxes and areas, got {len(masks)}, {len(boxes)} "
            f"and {len(areas)}"
        )
    is_crowd = bool(entry.get("iscrowd", 0))
    return VisTrack(int(entry["id"]), entry["category_id"], masks, boxes, areas, is_crowd)


def _box(values: Any) -> Box | None:
    if values is None:
        return None
    numbers = tuple(map(float, values))
    if len(numbers) != 4:
        raise DataError("a box has other than four numbers")
    return numbers


def describe_objects(labels: Sequence[np.ndarray]) -> dict[int, dict[str, Any]]:
    """Describe the objects of a video as annotations do.

    Args:
        labels: uint8 (H, W) label maps of all frames.

    Returns:
        By object id: ``segmentations``, ``bboxes`` and ``areas``, None where it is not seen.
    """
    present = [np.unique(label_map) for label_map in labels]
    numbers = sorted({int(value) for values in present for value in values} - {0, 255})
    described = {}
    for number in numbers:
        masks = [label_map == number for label_map in labels]
        described[number] = {
            "segmentations": [encode(mask) if mask.any() else None for mask in masks],
            "bboxes": [box_of_mask(mask).tolist() if mask.any() else None for mask in masks],
            "areas": [int(mask.sum()) or None for mask in masks],
        }
    return described


class VisWriter:
    """Collects videos and objects for a file.

    Args:
        categories: Names of the categories; ids count from 1.
        description: Description of the data set.
    """

    def __init__(self, categories: Sequence[str], description: str) -> None:
        self._ids = {name: number for number, name in enumerate(categories, 1)}
        self._description = description
        self._videos: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add_clip(
        self,
        folder: Path,
        clip: str,
        images: Sequence[np.ndarray],
        labels: Sequence[np.ndarray],
        categories: Mapping[int, str],
        attributes: Mapping[int, Mapping[str, str]] | None = None,
    ) -> None:
        """Write the frames ``<folder>/JPEGImages/<clip>/<frame>.jpg``, and add the video.

        Args:
            folder: Folder of the split.
            clip: Name of the video.
            images: uint8 (H, W, 3) RGB frames.
            labels: See ``add``, as all that follow.
            categories: Category of each annotated object.
            attributes: What else is known about objects.

        Raises:
            OSError: The folder cannot be written.
        """
        names = [f"{clip}/{_FRAME_STEP * number:05d}.jpg" for number in range(len(images))]
        for name, image in zip(names, images, strict=True):
            write_image(folder / "JPEGImages" / name, image)
        self.add(names, labels, categories, attributes)

    def add(
        self,
        files: Sequence[str],
        labels: Sequence[np.ndarray],
        categories: Mapping[int, str],
        attributes: Mapping[int, Mapping[str, str]] | None = None,
    ) -> None:
        """Add a video.

        Args:
            files: ``<video>/<frame>.jpg``, in order.
            labels: uint8 (H, W) label maps of the same frames.
            categories: Category of each annotated object, by object id.
            attributes: What else is known about objects, by object id.
        """
        height, width = labels[0].shape
        common = {"height": height, "width": width, "length": len(files)}
        video = len(self._videos) + 1
        self._videos.append({"id": video, **common, "file_names": list(files)})
        for number, described in describe_objects(labels).items():
            if number not in categories:
                continue
            extra = {"attributes": dict(attributes[number])} if attributes else {}
            self._annotations.append(
                {
                    "id": len(self._annotations) + 1,
                    "video_id": video,
                    "category_id": self._ids[categories[number]],
                    "iscrowd": 0,
                    **common,
                    **described,
                    **extra,
                }
            )

    def write(self, path: Path) -> None:
        """Write the file.

        Raises:
            OSError: The folder cannot be written.
        """
        write_json(path, self.record())

    def record(self) -> dict[str, Any]:
        """The content of the file."""
        return {
            "info": {"description": self._description},
            "licenses": [],
            "videos": self._videos,
            "categories": [
                {"id": number, "name": name, "supercategory": "object"}
                for name, number in self._ids.items()
            ],
            "annotations": self._annotations,
        }
