"""From a video to a folder of results, with any tracker: ``run_video``'s work."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ltr.admin.errors import ConfigError
from ltr.admin.progress import FrameProgress
from ltr.data.image_io import write_image
from ltr.dataset.vos_index import measure_objects
from pytracking.evaluation.outputs.instance_drawing import describe, draw_instances
from pytracking.evaluation.outputs.video import ENTRIES, OVERLAY, VideoResults
from pytracking.evaluation.running.video import (
    Load,
    VideoSummary,
    VideoTask,
    default_folder,
    process_video,
    start_tracker,
    write_config,
)
from pytracking.evaluation.stepper import VideoFrame
from pytracking.evaluation.tracker import DEVIATIONS, TrackerSpec, describe_run
from pytracking.tracker.base import FrameOutput, Runtime
from pytracking.tracker.clip import (
    Advance,
    ClipPrompt,
    ClipSegmenter,
    InstanceTrack,
    ignore_progress,
    label_map,
)
from pytracking.utils.clip_frames import LazyFrames, open_frames
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.staging import check_free, staged_folder, translate_write_errors
from pytracking.utils.video_reader import read_video

INSTANCES = "instances.json"

_LOG = logging.getLogger(__name__)
_MAX_DRAWN = 254


@dataclass(frozen=True)
class ClipTask:
    """What to do with a clip.

    Args:
        video: The source and where the results go; masks and boxes for online trackers only.
        texts: Sentences, one a wanted object.
        score_threshold: Instances below it are listed but not drawn.
        is_one_of_many: The drawings then lie as ``<output>.mp4``, or for a folder of frames as
            ``<output>/<frame>.jpg``.
    """

    video: VideoTask
    texts: tuple[str, ...] = ()
    score_threshold: float = 0.2
    is_one_of_many: bool = False


def check_task(spec: TrackerSpec, task: ClipTask) -> None:
    """Make sure that a tracker takes what tells it the objects, before anything is loaded.

    Raises:
        ConfigError: It does not.
    """
    if spec.kind == "interactive":
        raise ConfigError(
            "this tracker takes scribbles: name a file with --scribbles FILE, or draw them in "
            "run_interactive.py"
        )
    if task.texts and not spec.takes_text:
        raise ConfigError("this tracker takes no sentences: leave out --text")
    if spec.takes_text and not task.texts:
        raise ConfigError("no object is given: name one with --text SENTENCE")
    if len(task.texts) > _MAX_DRAWN:
        raise ConfigError(
            f"{len(task.texts)} sentences are given, a label map holds at most {_MAX_DRAWN} objects"
        )
    if spec.kind == "clip" and (task.video.masks or task.video.boxes):
        raise ConfigError("this tracker finds its objects itself: leave out masks and boxes")


def process_clip(
    spec: TrackerSpec,
    runtime: Runtime,
    task: ClipTask,
    load: Load = start_tracker,
    count: Advance = ignore_progress,
) -> VideoSummary:
    """Segment a clip and write the results; whole or not at all.

    Args:
        spec: The tracker, online or of the kind ``clip``.
        runtime: Device and precision.
        task: The clip and where the results go.
        load: Makes the tracker ready.
        count: Progress callback, called with the number of frames done since the last call.

    Raises:
        ToolkitError: Clip, task, tracker or output folder cannot be used.
        OutputError: The results cannot be written.
    """
    check_task(spec, task)
    if spec.kind == "clip":
        return _process_whole(spec, runtime, task, load, count)
    return process_video(spec, runtime, task.video, load, count)


def _process_whole(
    spec: TrackerSpec, runtime: Runtime, task: ClipTask, load: Load, count: Advance
) -> VideoSummary:
    own = task.video
    with read_video(own.source).end_at_damage() as video:
        folder = own.output or default_folder(spec, video.name)
        as_pictures = task.is_one_of_many and bool(video.files)
        as_movie = task.is_one_of_many and own.with_overlay and not as_pictures
        if as_movie and not own.overwrite:
            check_free(folder.parent, (_movie(folder).name,))
        pictures = [f"{stem}.jpg" for stem in video.stems] if as_pictures else []
        with (
            staged_folder(
                folder, (*pictures, INSTANCES, *ENTRIES), own.overwrite, own.wait
            ) as staging,
            open_frames(video) as frames,
            FrameProgress(video.name, len(frames), own.quiet) as progress,
        ):

            def advance(done: int) -> None:
                progress.advance(done)
                count(done)

            segmenter = load(spec, runtime)
            started = perf_counter()
            tracks = segmenter.segment(frames, ClipPrompt(task.texts), advance)
            rate = len(frames) / (perf_counter() - started)
            _ClipWriter(task, segmenter, video, staging, as_pictures).write(frames, tracks)
            run, deviation = describe_clip_run(spec, runtime, task), segmenter.deviation
            if deviation:
                run[DEVIATIONS] = {video.name: deviation}
            write_config(staging, run, video, {}, len(frames))
    if as_movie:
        move_movie(folder)
    return VideoSummary(folder, len(frames), rate, deviation, video.failure)


def describe_clip_run(spec: TrackerSpec, runtime: Runtime, task: ClipTask) -> dict[str, Any]:
    """What decides the results of a clip, beside its masks; see ``describe_run``."""
    if spec.kind != "clip":
        return describe_run(spec, runtime)
    wanted = {"texts": list(task.texts), "score_threshold": task.score_threshold}
    return describe_run(spec, runtime) | wanted


def move_movie(folder: Path) -> None:
    """Move the overlay of one clip of many, where it is, beside the clip's folder.

    Raises:
        OutputError: It cannot be moved.
    """
    overlay, movie = folder / OVERLAY, _movie(folder)
    if overlay.exists():
        with translate_write_errors(movie):
            os.replace(overlay, movie)


def _movie(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.mp4")


@dataclass(frozen=True)
class _ClipWriter:
    """Writes what a segmenter found in a clip.

    Args:
        task: What is wanted.
        segmenter: Knows the categories' names.
        video: The clip.
        folder: An existing folder.
        as_pictures: Write the drawings as pictures, not as a video.
    """

    task: ClipTask
    segmenter: ClipSegmenter
    video: FrameSource
    folder: Path
    as_pictures: bool

    def write(self, frames: LazyFrames, tracks: Sequence[InstanceTrack]) -> None:
        """Draw the sure instances, and list all."""
        drawn = tracks if self.task.texts else self._sure(tracks)
        names = self.segmenter.category_names
        _LOG.info("%s: %s", self.video.name, ", ".join(describe(own, names) for own in drawn))
        with_movie = self.task.video.with_overlay and not self.as_pictures

        def draw(position: int, image: np.ndarray, labels: np.ndarray) -> np.ndarray:
            picture = draw_instances(image, drawn, position, names)
            if self.as_pictures and self.task.video.with_overlay:
                write_image(self.folder / f"{self.video.stem(position)}.jpg", picture)
            return picture

        with VideoResults(self.folder, self.video, with_movie, draw) as results:
            for position in range(len(frames)):
                results.add(_result(frames, drawn, position))
        self._list(tracks)

    def _sure(self, tracks: Sequence[InstanceTrack]) -> list[InstanceTrack]:
        return [own for own in tracks if own.score >= self.task.score_threshold][:_MAX_DRAWN]

    def _list(self, tracks: Sequence[InstanceTrack]) -> None:
        """All tracks with their masks as run lengths, the best first."""
        names = self.segmenter.category_names
        texts = self.task.texts or (None,) * len(tracks)
        entries = [
            {
                "score": own.score,
                "category_id": own.category,
                "category": names.get(own.category),
                "text": text,
                "segmentations": list(own.masks),
            }
            for own, text in zip(tracks, texts, strict=True)
        ]
        (self.folder / INSTANCES).write_text(json.dumps(entries), encoding="utf-8")


def _result(frames: LazyFrames, tracks: Sequence[InstanceTrack], position: int) -> VideoFrame:
    labels = label_map(tracks, position, frames.shape)
    seen = measure_objects(labels)
    boxes = dict.fromkeys(range(1, len(tracks) + 1), (-1.0, -1.0, -1.0, -1.0))
    boxes |= {number: tuple(map(float, box)) for number, (_, box) in seen.items()}
    return VideoFrame(position, frames[position], FrameOutput(labels, boxes))
