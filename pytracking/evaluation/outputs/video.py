"""The files that a segmented video leaves: masks, boxes, overlay video, contact sheet."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

import numpy as np

from ltr.data.bounding_boxes import NO_BOX, Box
from ltr.data.image_io import encode_label_map, write_image
from pytracking.evaluation.stepper import VideoFrame
from pytracking.utils.background import BackgroundWorker
from pytracking.utils.contact_sheet import ContactSheet
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.overlay import draw_result
from pytracking.utils.video_writer import VideoWriter

MASKS, BOXES, CONFIG = "masks", "boxes", "config.json"
FAILURE = "failure"
OVERLAY, CONTACT_SHEET = "overlay.mp4", "contact_sheet.png"
ENTRIES = (MASKS, BOXES, OVERLAY, CONTACT_SHEET, CONFIG)

Draw = Callable[[int, np.ndarray, np.ndarray], np.ndarray]

_QUEUE_LENGTH = 8


@dataclass(frozen=True)
class _Drawing:
    index: int
    image: np.ndarray
    segmentation: np.ndarray
    boxes: dict[int, Box]


class VideoResults:
    """Writes the results of a video while the tracker continues; a context manager.

    ``masks/<frame>.png`` exists for every frame with a running object. ``boxes/<id>.txt`` has a
    line ``x y width height`` for every frame since the object started (-1 where it was given up).
    ``overlay.mp4`` and ``contact_sheet.png`` show all frames.

    Args:
        folder: An existing folder.
        video: The video, for frame names and speed.
        with_overlay: Also write the overlay video.
        draw: Makes a picture of a frame's number, image and label map.
    """

    def __init__(
        self,
        folder: Path,
        video: FrameSource,
        with_overlay: bool = True,
        draw: Draw = lambda index, image, labels: draw_result(image, labels),
    ) -> None:
        self._folder = folder
        self._video = video
        self._draw = draw
        self._resources = ExitStack()
        self._writer = (
            VideoWriter(folder / OVERLAY, video.fps, video.pixel_aspect) if with_overlay else None
        )
        self._sheet = ContactSheet()
        self._box_files: dict[int, TextIO] = {}
        self._worker = BackgroundWorker(self._write, _QUEUE_LENGTH)

    def __enter__(self) -> VideoResults:
        (self._folder / MASKS).mkdir()
        (self._folder / BOXES).mkdir()
        if self._writer:
            self._resources.enter_context(self._writer)
        self._resources.enter_context(self._worker)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._resources.__exit__(kind, error, trace)
        finally:
            for file in self._box_files.values():
                file.close()
        if kind is None:
            write_image(self._folder / CONTACT_SHEET, self._sheet.draw())

    def add(self, frame: VideoFrame) -> None:
        """Hand over a frame; it is drawn, encoded and written in the background.

        Raises:
            OSError: An earlier frame could not be written.
        """
        output = frame.output
        self._worker.put(_Drawing(frame.index, frame.image, output.segmentation, output.boxes))

    def _write(self, drawing: _Drawing) -> None:
        if drawing.boxes:
            name = f"{self._video.stem(drawing.index)}.png"
            (self._folder / MASKS / name).write_bytes(encode_label_map(drawing.segmentation))
        for key in self._box_files.keys() | drawing.boxes.keys():
            box = drawing.boxes.get(key, NO_BOX)
            self._box_file(key).write("\t".join(str(int(side)) for side in box) + "\n")
        if self._writer or self._sheet.wants(drawing.index):
            self._show(drawing)

    def _show(self, drawing: _Drawing) -> None:
        picture = self._draw(drawing.index, drawing.image, drawing.segmentation)
        self._sheet.add(drawing.index, picture)
        if self._writer:
            self._writer.write(picture)

    def _box_file(self, key: int) -> TextIO:
        if key not in self._box_files:
            path = self._folder / BOXES / f"{key}.txt"
            self._box_files[key] = path.open("w", encoding="utf-8")
        return self._box_files[key]
