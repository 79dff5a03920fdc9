"""Instance files of YouTube-VIS: one annotation per object, with the masks of all frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from ltr.admin.errors import DataError
from ltr.data.json_io import read_json, translate_json_errors
from ltr.data.rle import Rle, as_rle, encode
from pytracking.evaluation.outputs.exchange.coco import (
    labels_of_runs,
    read_instances,
    write_instances,
)
from pytracking.evaluation.outputs.exchange.labelled_video import (
    ExchangeFormat,
    LabelledVideo,
    ObjectNumbers,
    bounding_box,
    check_size,
    check_stems,
    safe_name,
)

_EXPECTED = "videos and annotations of YouTube-VIS"


class YouTubeVisFile(ExchangeFormat):
    """One JSON file; the category of an object is its name, the order its id."""

    suffix = ".json"
    holds_several = True

    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """See ``ExchangeFormat.write``."""
        categories: dict[str, int] = {}
        entries: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for video in videos:
            width, height = video.size
            name = safe_name(video.name)
            entries.append(
                {
                    "id": len(entries) + 1,
                    "width": width,
                    "height": height,
                    "length": len(video),
                    "file_names": [f"{name}/{stem}{video.suffix}" for stem in video.stems],
                }
            )
            for number, own in sorted(_by_object(video).items()):
                category = categories.setdefault(video.name_of(number), len(categories) + 1)
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "video_id": len(entries),
                        "category_id": category,
                        "instance_id": number,
                        "iscrowd": 0,
                        "width": width,
                        "height": height,
                        "length": len(video),
                        **own,
                    }
                )
        write_instances(target, categories, annotations, videos=entries)

    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """See ``ExchangeFormat.read``."""
        content = read_json(source)
        with translate_json_errors(source, _EXPECTED):
            names, by_video = read_instances(content, "video_id")
            for video in content["videos"]:
                yield _read_video(source, video, by_video[video["id"]], names)


YOUTUBE_VIS_FILE = YouTubeVisFile()


def _by_object(video: LabelledVideo) -> dict[int, dict[str, list[Any]]]:
    """Masks, boxes and areas of every object, None in frames in which it is not seen."""
    objects: dict[int, dict[str, list[Any]]] = {}
    keys = ("segmentations", "bboxes", "areas")
    for index in range(len(video)):
        for number, mask in video.masks(index):
            own = objects.setdefault(number, {key: [None] * len(video) for key in keys})
            own["segmentations"][index] = encode(mask)
            own["bboxes"][index] = list(map(float, bounding_box(mask)))
            own["areas"][index] = int(mask.sum())
    return objects


def _read_video(
    source: Path,
    video: dict[str, Any],
    annotations: Sequence[dict[str, Any]],
    names: dict[Any, str],
) -> LabelledVideo:
    size = check_size(video["width"], video["height"], source)
    files = [PurePosixPath(str(file).replace("\\", "/")) for file in video["file_names"]]
    numbers = ObjectNumbers(source)
    frames: list[list[tuple[int, Rle]]] = [[] for _ in files]
    for annotation in annotations:
        name = names.get(annotation.get("category_id"), "")
        number = numbers.id_of(annotation["id"], name, annotation.get("instance_id"))
        masks = annotation["segmentations"]
        if len(masks) != len(files):
            raise DataError(
                f"{source}: annotation {annotation['id']} has {len(masks)} masks, "
                f"its video {len(files)} frames"
            )
        for frame, mask in zip(frames, masks, strict=True):
            rle = as_rle(mask, size[1], size[0])
            if rle is not None:
                frame.append((number, rle))
    name = files[0].parent.name if files else ""
    return LabelledVideo(
        safe_name(name or f"video_{video['id']}"),
        size,
        check_stems((file.stem for file in files), source),
        partial(labels_of_runs, frames, size),
        numbers.names,
        suffix=(files[0].suffix if files else "") or ".jpg",
    )
