"""What the machine learning backend of Label Studio answers: regions from a tracker.

Two kinds of tasks are understood. In a video task (``VideoRectangle``) every region is tracked from
its first keyframe through the whole video. In tasks with pictures (``BrushLabels``), which are the
frames of one folder each, what was annotated in some frames is carried to the others.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import Box, as_box
from ltr.data.frame_files import list_frames
from ltr.data.json_io import finite_number
from pytracking.evaluation.outputs.exchange.label_studio import decode_brush, encode_brush
from pytracking.evaluation.outputs.exchange.labelled_video import bounding_box, object_ids
from pytracking.evaluation.prompt_types import Prompt
from pytracking.evaluation.session import PassDirection, VideoSession
from pytracking.tracker.base import OnlineTracker

_MAX_SESSIONS = 2
_MAX_REGIONS = 254
_PERCENT = 100.0
_FPS = 25.0

Region = dict[str, Any]


@dataclass
class _Folder:
    """A folder of frames that is being annotated.

    Args:
        session: Tracks through its frames.
        stems: Names of the frames.
        labels: Names of the objects by id.
        fresh: Frames with results of all annotations so far.
    """

    session: VideoSession
    stems: list[str]
    labels: dict[int, str] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)

    @property
    def ids(self) -> dict[str, int]:
        """Ids of the objects by name."""
        return {label: number for number, label in self.labels.items()}


class LabelStudioTracking:
    """Answers predictions with one tracker.

    Args:
        tracker: A tracker of masks.
        root: The only folder whose files are read.
    """

    def __init__(self, tracker: OnlineTracker, root: Path) -> None:
        self._tracker = tracker
        self._root = root.resolve()
        self._folders: OrderedDict[Path, _Folder] = OrderedDict()

    def close(self) -> None:
        """Drop all sessions."""
        while self._folders:
            self._folders.popitem()[1].session.close()

    def predict(
        self, task: Mapping[str, Any], context: Mapping[str, Any] | None = None
    ) -> list[Region]:
        """The regions of one task.

        Args:
            task: JSON of a task as Label Studio sends it, with its annotations.
            context: What the user has just drawn: ``result``.

        Raises:
            DataError: A file is missing, damaged, or outside the folder.
            ArithmeticError, LookupError, TypeError, ValueError: The task is of another form.
        """
        data = task["data"]
        drawn = list((context or {}).get("result") or _annotated(task))
        if "video" in data:
            return self._predict_video(self.find_file(data["video"]), drawn)
        if drawn:
            self.remember(task, drawn)
        return self._predict_picture(self.find_file(data["image"]), drawn)

    def remember(self, task: Mapping[str, Any], regions: Iterable[Region]) -> None:
        """Take the annotation of a picture, for predictions in the other frames of its folder.

        Raises:
            DataError: A file is missing, damaged, or outside the folder.
        """
        if "image" not in task["data"]:
            return
        path = self.find_file(task["data"]["image"])
        folder = self._open_folder(path.parent)
        index = folder.stems.index(path.stem)
        labels = np.zeros(folder.session.size[::-1], np.uint8)
        for region in regions:
            if region["type"] == "brushlabels":
                name = str(region["value"]["brushlabels"][0])
                number = folder.ids.get(name, len(folder.labels) + 1)
                if number > _MAX_REGIONS:
                    raise DataError(f"{path.parent} has more than {_MAX_REGIONS} objects")
                folder.labels[number] = name
                labels[decode_brush(region["value"]["rle"], labels.shape)] = number
        self._annotate(folder, index, labels)

    def find_file(self, address: object) -> Path:
        """The local file of a task: a path, or ``/data/local-files/?d=PATH``.

        Raises:
            DataError: It is outside the folder, or does not exist.
        """
        parts = urlsplit(str(address))
        name = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]
        relative = PurePosixPath(name.lstrip("/"))
        candidates = [self._root / relative, Path("/") / relative]
        for path in candidates:
            with suppress(OSError, ValueError):
                found = path.resolve()
                if found.is_relative_to(self._root) and found.is_file():
                    return found
        raise DataError(f"{str(address)[:200]} is not a file below the folder of --data")

    def _predict_video(self, path: Path, regions: Iterable[Region]) -> list[Region]:
        own = [region for region in regions if region["type"] == "videorectangle"][:_MAX_REGIONS]
        if not own:
            return []
        with VideoSession(self._tracker, path) as session:
            for number, region in enumerate(own, start=1):
                start = min(region["value"]["sequence"], key=lambda keyframe: keyframe["frame"])
                box = _pixels(start, session.size)
                session.add(int(start["frame"]) - 1, Prompt(number, box=box))
            boxes: dict[int, list[tuple[int, Box | None]]] = {n: [] for n in session.object_ids}
            count = 0
            for frame in session.propagate(direction="forward"):
                count = frame.index + 1
                for number in boxes:
                    mask = frame.output.segmentation == number
                    found = as_box(bounding_box(mask)) if mask.any() else None
                    boxes[number].append((frame.index, found))
            size = session.size
        return [_video_region(region, boxes[n], size, count) for n, region in enumerate(own, 1)]

    def _predict_picture(self, path: Path, drawn: list[Region]) -> list[Region]:
        folder = self._open_folder(path.parent)
        session, index = folder.session, folder.stems.index(path.stem)
        if not session.object_ids or drawn:
            return []
        if index not in folder.fresh:
            folder.fresh.update(_propagate_to(session, index))
        labels = session.result(index)
        return [
            _brush_region(folder.labels[number], labels == number) for number in object_ids(labels)
        ]

    def _open_folder(self, path: Path) -> _Folder:
        if path not in self._folders:
            session = VideoSession(self._tracker, path)
            stems = [Path(name).stem for name in list_frames(path)]
            self._folders[path] = _Folder(session, stems)
            while len(self._folders) > _MAX_SESSIONS:
                self._folders.popitem(last=False)[1].session.close()
        self._folders.move_to_end(path)
        return self._folders[path]

    def _annotate(self, folder: _Folder, index: int, labels: np.ndarray) -> None:
        """Take an annotation; what was carried from the others is computed again when asked for."""
        session = folder.session
        known = set(session.object_ids)
        for number in object_ids(labels):
            prompt = Prompt(number, mask=labels == number)
            if number in known:
                session.correct(index, prompt)
            else:
                session.add(index, prompt)
        folder.fresh.clear()


def _propagate_to(session: VideoSession, index: int) -> Iterator[int]:
    """Propagate from the nearest annotated frame to a frame; yields the frames on the way."""
    start = min(session.annotated, key=lambda frame: abs(frame - index))
    direction: PassDirection = "forward" if start <= index else "backward"
    for frame in session.propagate(start, index, direction):
        yield frame.index


def _annotated(task: Mapping[str, Any]) -> list[Region]:
    """The regions of the task's last annotation."""
    annotations = task.get("annotations") or []
    regions: list[Region] = annotations[-1]["result"] if annotations else []
    return regions


def _pixels(keyframe: Mapping[str, Any], size: tuple[int, int]) -> Box:
    width, height = size
    sides = [finite_number(keyframe[key]) for key in ("x", "y", "width", "height")]
    return as_box(
        side * whole / _PERCENT
        for side, whole in zip(sides, (width, height, width, height), strict=True)
    )


def _video_region(
    region: Region, boxes: list[tuple[int, Box | None]], size: tuple[int, int], count: int
) -> Region:
    """The region with a keyframe for every frame; where the object is gone it is disabled."""
    value = region["value"]
    fps = finite_number(value["framesCount"]) / finite_number(value["duration"]) if value.get(
        "duration"
    ) else _FPS  # fmt: skip
    sequence = []
    last: Box = (0.0, 0.0, 0.0, 0.0)
    for index, box in boxes:
        last = box or last
        x, y, width, height = last
        sequence.append(
            {
                "frame": index + 1,
                "enabled": box is not None,
                "rotation": 0,
                "x": _PERCENT * x / size[0],
                "y": _PERCENT * y / size[1],
                "width": _PERCENT * width / size[0],
                "height": _PERCENT * height / size[1],
                "time": index / fps,
            }
        )
    return {**region, "value": {**value, "framesCount": count, "sequence": sequence}}


def _brush_region(label: str, mask: np.ndarray) -> Region:
    return {
        "id": secrets.token_hex(5),
        "type": "brushlabels",
        "from_name": "tag",
        "to_name": "image",
        "original_width": mask.shape[1],
        "original_height": mask.shape[0],
        "image_rotation": 0,
        "value": {"format": "rle", "rle": encode_brush(mask), "brushlabels": [label]},
    }
