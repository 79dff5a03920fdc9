"""From clips to folders of results, with trackers that see a whole clip: ``run_video``'s work."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from ltr.admin.errors import ConfigError, DataError
from ltr.admin.progress import FrameProgress
from ltr.data.image_io import write_image
from ltr.dataset.vos_index import measure_objects
from pytracking.evaluation.session import VideoFrame
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.evaluation.video import VideoSummary, VideoTask, default_folder, write_config
from pytracking.evaluation.video_results import ENTRIES, OVERLAY, VideoResults
from pytracking.tracker.base import FrameOutput, Runtime
from pytracking.tracker.clip import ClipPrompt, ClipSegmenter, InstanceTrack, label_map
from pytracking.utils.clip_frames import FileFrames, LazyFrames, SpooledFrames
from pytracking.utils.instance_drawing import describe, draw_instances
from pytracking.utils.staging import cannot_be_written, check_free, staged_folder
from pytracking.utils.video_reader import FrameSource, find_clips, read_video

INSTANCES = "instances.json"

_LOG = logging.getLogger(__name__)
_MOST_DRAWN = 254


@dataclass(frozen=True)
class ClipTask:
    """What to do with a clip, or with all clips of a folder.

    Args:
        video: The source and where the results go; it has no masks and no boxes.
        texts: Sentences, one a wanted object.
        least_score: Instances below it are listed but not drawn.
    """

    video: VideoTask
    texts: tuple[str, ...] = ()
    least_score: float = 0.2


@dataclass(frozen=True)
class ClipOutcome:
    """What became of one clip.

    Args:
        name: Of the clip.
        summary: Of its results; None where it failed.
        failure: Why; empty where it did not.
    """

    name: str
    summary: VideoSummary | None = None
    failure: str = ""


@dataclass(frozen=True)
class ClipProcessor:
    """A segmenter and what it is to do.

    Args:
        spec: Names the segmenter in the results.
        segmenter: Ready to run.
        runtime: Device and precision.
        task: The clips and where the results go.

    Raises:
        ConfigError: The task does not fit the tracker.
    """

    spec: TrackerSpec
    segmenter: ClipSegmenter
    runtime: Runtime
    task: ClipTask

    def __post_init__(self) -> None:
        if self.task.video.masks or self.task.video.boxes:
            raise ConfigError("this tracker finds its objects itself: leave out masks and boxes")
        if self.segmenter.takes_text and not self.task.texts:
            raise ConfigError("no object is told: name one with --text SENTENCE")
        if self.task.texts and not self.segmenter.takes_text:
            raise ConfigError("this tracker takes no sentences: leave out --text")

    def run(self) -> Iterator[ClipOutcome]:
        """Segment a clip, or every clip of a folder, and write the results of each.

        Of several clips a damaged one does not stop the others. Their drawings then lie as
        ``<output>/<clip>.mp4``, or ``<output>/<clip>/<frame>.jpg`` for a folder of frames.

        Raises:
            ConfigError: There are results already.
            DataError: A single clip cannot be read.
            OutputError: The results cannot be written.
        """
        source, output = self.task.video.source, self.task.video.output
        clips = find_clips(Path(source)) if isinstance(source, str | os.PathLike) else []
        if not clips:
            with read_video(source) as video:
                folder = output or default_folder(self.spec, video.name)
                yield ClipOutcome(video.name, self._process(video, folder))
            return
        _check_names(clips)
        parent = output or default_folder(self.spec, Path(source).resolve().name)
        for path in clips:
            try:
                with read_video(path) as video:
                    yield ClipOutcome(video.name, self._process_one_of_many(path, video, parent))
            except DataError as error:
                yield ClipOutcome(path.name, failure=str(error))

    def _process_one_of_many(self, path: Path, video: FrameSource, parent: Path) -> VideoSummary:
        folder = parent / path.stem
        if path.is_dir():
            return self._process(video, folder, as_pictures=True)
        movie = parent / f"{path.stem}.mp4"
        check_free(parent, () if self.task.video.overwrite else (movie.name,))
        summary = self._process(video, folder)
        if self.task.video.with_overlay:
            with cannot_be_written(movie):
                os.replace(folder / OVERLAY, movie)
        return summary

    def _process(self, video: FrameSource, folder: Path, as_pictures: bool = False) -> VideoSummary:
        """Segment one clip; the results appear whole or not at all."""
        task = self.task.video
        pictures = [f"{stem}.jpg" for stem in video.stems] if as_pictures else []
        with (
            staged_folder(folder, (*pictures, INSTANCES, *ENTRIES), task.overwrite) as staging,
            open_frames(video) as frames,
            FrameProgress(video.name, len(frames), task.quiet) as progress,
        ):
            started = perf_counter()
            tracks = self.segmenter.segment(frames, ClipPrompt(self.task.texts), progress.advance)
            rate = len(frames) / (perf_counter() - started)
            drawn = tracks if self.task.texts else self._sure(tracks)
            names = self.segmenter.category_names
            _LOG.info("%s: %s", video.name, ", ".join(describe(own, names) for own in drawn))
            draw = self._drawer(drawn, video, staging if as_pictures else None)
            with_movie = task.with_overlay and not as_pictures
            with VideoResults(staging, video, with_movie, draw) as results:
                for position in range(len(frames)):
                    results.add(_result(frames, drawn, position))
            self._write_instances(staging, tracks)
            write_config(staging, self.spec, self.runtime, video, {}, len(frames))
        return VideoSummary(folder, len(frames), rate)

    def _sure(self, tracks: Sequence[InstanceTrack]) -> list[InstanceTrack]:
        return [own for own in tracks if own.score >= self.task.least_score][:_MOST_DRAWN]

    def _drawer(
        self, tracks: Sequence[InstanceTrack], video: FrameSource, folder: Path | None
    ) -> Callable[[int, np.ndarray, np.ndarray], np.ndarray]:
        """What draws a frame; the pictures are also written where a folder is given."""

        def draw(position: int, image: np.ndarray, labels: np.ndarray) -> np.ndarray:
            picture = draw_instances(image, tracks, position, self.segmenter.category_names)
            if folder is not None and self.task.video.with_overlay:
                write_image(folder / f"{video.stem(position)}.jpg", picture)
            return picture

        return draw

    def _write_instances(self, folder: Path, tracks: Sequence[InstanceTrack]) -> None:
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
        (folder / INSTANCES).write_text(json.dumps(entries), encoding="utf-8")


def _check_names(clips: Sequence[Path]) -> None:
    """Refuse clips whose results would lie in one folder."""
    twice = [name for name, count in Counter(clip.stem for clip in clips).items() if count > 1]
    if twice:
        raise ConfigError(f"{clips[0].parent} holds several clips called {twice[0]}: rename one")


def open_frames(video: FrameSource) -> AbstractContextManager[LazyFrames]:
    """Frames in any order: files are read when needed, videos are decoded once."""
    return nullcontext(FileFrames(video.files)) if video.files else SpooledFrames(video)


def _result(frames: LazyFrames, tracks: Sequence[InstanceTrack], position: int) -> VideoFrame:
    labels = label_map(tracks, position, frames.shape)
    seen = measure_objects(labels)
    boxes = dict.fromkeys(range(1, len(tracks) + 1), (-1.0, -1.0, -1.0, -1.0))
    boxes |= {number: tuple(map(float, box)) for number, (_, box) in seen.items()}
    return VideoFrame(position, frames[position], FrameOutput(labels, boxes))
