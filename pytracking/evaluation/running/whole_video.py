"""From a video to a folder of results, with a tracker that needs all frames at once."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from ltr.admin.progress import FrameProgress
from ltr.data.image_io import write_image
from pytracking.evaluation.engines.base import CountFrames
from pytracking.evaluation.outputs.instance_drawing import describe, draw_instances
from pytracking.evaluation.outputs.video import ENTRIES, OVERLAY, VideoResults
from pytracking.evaluation.running.jobs import Load, Outcome
from pytracking.evaluation.running.task import (
    MAX_DRAWN,
    VideoTask,
    describe_video_run,
    write_config,
)
from pytracking.evaluation.stepper import VideoFrame
from pytracking.evaluation.tracker import DEVIATIONS
from pytracking.tracker.base import FrameOutput
from pytracking.tracker.whole_video import InstanceTrack, TextPrompt, WholeVideoTracker, label_map
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.lazy_frames import LazyFrames
from pytracking.utils.staging import check_free, staged_folder, translate_write_errors
from pytracking.utils.video_reader import open_frames

INSTANCES = "instances.json"

_LOG = logging.getLogger(__name__)


def process_whole_video(
    task: VideoTask, video: FrameSource, folder: Path, load: Load, count: CountFrames
) -> Outcome:
    """Segment a video with a tracker that needs all its frames; see ``process_video``."""
    as_pictures = task.is_one_of_many and video.pictures is not None
    as_movie = task.is_one_of_many and task.with_overlay and not as_pictures
    if as_movie and not task.overwrite:
        check_free(folder.parent, (_movie(folder).name,))
    pictures = [f"{stem}.jpg" for stem in video.stems] if as_pictures else []
    entries = (*pictures, INSTANCES, *ENTRIES)
    with (
        staged_folder(folder, entries, task.overwrite, task.wait) as staging,
        open_frames(video) as frames,
        FrameProgress(video.name, len(frames), task.quiet) as progress,
    ):

        def advance(done: int) -> None:
            progress.advance(done)
            count(done)

        segmenter = load(task.spec, task.runtime)
        started = perf_counter()
        tracks = segmenter.segment(frames, TextPrompt(task.texts), advance)
        seconds = perf_counter() - started
        _InstanceWriter(task, segmenter, video, staging, as_pictures).write(frames, tracks)
        run, deviation = describe_video_run(task), segmenter.deviation
        if deviation:
            run[DEVIATIONS] = {video.name: deviation}
        write_config(staging, run, video, {}, len(frames))
    if as_movie:
        move_movie(folder)
    return Outcome(video.name, len(frames), seconds, video.failure, deviation, folder)


def move_movie(folder: Path) -> None:
    """Move the overlay of one video of many, where it is, beside the video's folder.

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
class _InstanceWriter:
    """Writes what a tracker found in a video.

    Args:
        task: What is wanted.
        segmenter: Knows the categories' names.
        video: The video.
        folder: An existing folder.
        as_pictures: Write the drawings as pictures, not as a video.
    """

    task: VideoTask
    segmenter: WholeVideoTracker
    video: FrameSource
    folder: Path
    as_pictures: bool

    def write(self, frames: LazyFrames, tracks: Sequence[InstanceTrack]) -> None:
        """Draw the sure instances, and list all."""
        drawn = tracks if self.task.texts else self._sure(tracks)
        names = self.segmenter.category_names
        _LOG.info("%s: %s", self.video.name, ", ".join(describe(track, names) for track in drawn))
        with_movie = self.task.with_overlay and not self.as_pictures

        def draw(position: int, image: np.ndarray, labels: np.ndarray) -> np.ndarray:
            picture = draw_instances(image, drawn, position, names)
            if self.as_pictures and self.task.with_overlay:
                write_image(self.folder / f"{self.video.stem(position)}.jpg", picture)
            return picture

        with VideoResults(self.folder, self.video, with_movie, draw) as results:
            for position in range(len(frames)):
                results.add(_result(frames, drawn, position))
        self._list(tracks)

    def _sure(self, tracks: Sequence[InstanceTrack]) -> list[InstanceTrack]:
        return [track for track in tracks if track.score >= self.task.score_threshold][:MAX_DRAWN]

    def _list(self, tracks: Sequence[InstanceTrack]) -> None:
        """All tracks with their masks as run lengths, the best first."""
        names = self.segmenter.category_names
        texts = self.task.texts or (None,) * len(tracks)
        entries = [
            {
                "score": track.score,
                "category_id": track.category,
                "category": None if track.category is None else names.get(track.category),
                "text": text,
                "segmentations": list(track.masks),
            }
            for track, text in zip(tracks, texts, strict=True)
        ]
        (self.folder / INSTANCES).write_text(json.dumps(entries), encoding="utf-8")


def _result(frames: LazyFrames, tracks: Sequence[InstanceTrack], position: int) -> VideoFrame:
    labels = label_map(tracks, position, frames.shape)
    output = FrameOutput.of_labels(labels, range(1, len(tracks) + 1))
    return VideoFrame(position, frames[position], output)
