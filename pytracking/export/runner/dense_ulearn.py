"""Runs the graphs of Dense Unsupervised Learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ltr.admin.errors import DataError
from pytracking.export.runner.graphs import ExportedGraph
from pytracking.export.runner.manifest import Arrays, Manifest
from pytracking.export.runner.output import ExportedOutput, label_map
from pytracking.tracker.checks import check_frame
from pytracking.tracker.frame_info import FrameInfo


@dataclass
class _Video:
    """A video between two frames.

    Args:
        memory: Features and labels of earlier frames, and of those in which objects started.
        time: Number of the next frame.
        object_ids: Object of each label channel, the background excluded.
        starts: Numbers of the frames in which objects started.
        owners: Slot among ``starts`` of each label channel, the background included.
    """

    memory: Arrays
    time: int = 0
    object_ids: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)


class ExportedDenseULearn:
    """Follows all objects of one video at a time, up to the capacity of the graphs.

    Args:
        manifest: Manifest of the folder, with the settings of the graphs.
        graphs: ``start`` and ``frame``.
    """

    def __init__(self, manifest: Manifest, graphs: dict[str, ExportedGraph]) -> None:
        self._start, self._frame = graphs["start"], graphs["frame"]
        height, width, _ = self._frame.shape("image")
        self.frame_size = (height, width)
        self._context = self._frame.shape("features")[0]
        self._max_starts, self._channels = self._frame.shape("owners")
        self._video: _Video | None = None

    def initialize(self, image: np.ndarray, info: FrameInfo) -> ExportedOutput:
        """See ``ExportedTracker``.

        Raises:
            DataError: See ``OnlineTracker.initialize``; or the graphs have no room.
        """
        if not info.object_ids:
            raise DataError("a video must start with at least one object")
        self._check(image, info, ())
        self._video = _Video(self._start.zeros(*self._start.memory_names()))
        scores = self._start_objects(self._video, image, info)
        self._video.time = 1
        return self._output(self._video, scores)

    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> ExportedOutput:
        """See ``ExportedTracker``.

        Raises:
            DataError: See ``OnlineTracker.track``; or the graphs have no room.
            RuntimeError: No video has begun.
        """
        video = self._video
        if video is None:
            raise RuntimeError("no video has begun: call initialize() first")
        info = info or FrameInfo()
        self._check(image, info, video.object_ids)
        outputs = self._frame.run(
            video.memory, image=image, slot=self._slot(video), **self._masks(video)
        )
        scores = outputs["probabilities"]
        if info.object_ids:
            scores = self._start_objects(video, image, info)
        video.time += 1
        return self._output(video, scores)

    def _check(self, image: np.ndarray, info: FrameInfo, running: Sequence[int]) -> None:
        if image.shape[:2] != self.frame_size:
            height, width = self.frame_size
            raise DataError(
                f"these graphs take frames of {width}x{height}, got "
                f"{image.shape[1]}x{image.shape[0]}: export again with --frame-size"
            )
        check_frame(image, info, self.frame_size, set(running))
        if len(running) + len(info.object_ids) > self._channels - 1:
            raise DataError(
                f"these graphs follow at most {self._channels - 1} objects: export again with "
                "--objects"
            )
        started = len(self._video.starts) if running and self._video else 0
        if info.object_ids and started == self._max_starts:
            raise DataError(
                f"these graphs let objects start in {self._max_starts} frames only: export again "
                "with --starts"
            )

    def _slot(self, video: _Video) -> np.ndarray:
        return np.array([video.time % self._context])

    def _masks(self, video: _Video) -> Arrays:
        """Which slots of the memory count, and how often.

        A start frame stands for every frame before it in the context, so its slot counts more.
        """
        counts = np.zeros((self._max_starts, self._context), np.float32)
        owners = np.zeros((self._max_starts, self._channels), np.float32)
        size, time = self._context, video.time
        for start, begin in enumerate(video.starts):
            age = time - begin
            used = np.arange(time - min(age, size), time) % size
            counts[start, used] = 1
            if age <= size:
                counts[start, begin % size] = size + 1 - age
        owners[video.owners, np.arange(len(video.owners))] = 1
        return {"counts": counts, "owners": owners}

    def _start_objects(self, video: _Video, image: np.ndarray, info: FrameInfo) -> np.ndarray:
        """Start the objects of ``info``; the scores of all labels, (labels, H, W)."""
        assert info.mask is not None  # the check of the frame says so
        masks = np.zeros((self._channels, *self.frame_size), np.float32)
        if not video.starts:
            masks[0] = info.mask == 0
            video.owners = [0]
        for number in info.object_ids:
            video.object_ids.append(number)
            masks[len(video.object_ids)] = info.mask == number
            video.owners.append(len(video.starts))
        start = len(video.starts)
        video.starts.append(video.time)
        outputs = self._start.run(
            video.memory,
            image=image,
            masks=masks,
            has_labels=np.array([start > 0]),
            slot=self._slot(video),
            start=np.array([start]),
        )
        return outputs["probabilities"]

    def _output(self, video: _Video, scores: np.ndarray) -> ExportedOutput:
        ids = [0, *video.object_ids]
        scores = scores[: len(ids)]
        order = sorted(range(len(ids)), key=ids.__getitem__)
        labels = label_map(scores[order], [ids[channel] for channel in order])
        return ExportedOutput(labels, scores, tuple(video.object_ids))
