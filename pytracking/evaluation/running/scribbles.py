"""From a video and a file of scribbles to a folder of results: a part of ``run_video``'s work."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from ltr.admin.config import describe
from ltr.admin.errors import ConfigError, DataError
from ltr.admin.progress import FrameProgress
from ltr.data.interactive.scribbles import VideoScribbles, read_scribbles
from pytracking.evaluation.hosts import create_host
from pytracking.evaluation.outputs.video import ENTRIES, VideoResults
from pytracking.evaluation.running.jobs import Outcome
from pytracking.evaluation.running.task import VideoTask, write_config
from pytracking.evaluation.stepper import VideoFrame
from pytracking.evaluation.tracker import TrackerSpec, describe_run
from pytracking.tracker.base import FrameInfo, FrameOutput, Runtime
from pytracking.tracker.interactive.base import InteractiveVOS
from pytracking.utils.clip_frames import LazyFrames, open_frames
from pytracking.utils.staging import staged_folder
from pytracking.utils.video_reader import read_video

_LOG = logging.getLogger(__name__)


def process_scribbles(spec: TrackerSpec, runtime: Runtime, task: VideoTask) -> Outcome:
    """Segment a video by the lines of a file, a round for every frame that has some.

    Args:
        spec: An interactive host, or a tracker that becomes one.
        runtime: Device and precision.
        task: The video, the file of scribbles and where the results go.

    Raises:
        ToolkitError: Video, scribbles, tracker or output folder cannot be used.
        OutputError: The results cannot be written.
    """
    file = task.scribbles
    if file is None:
        raise ConfigError("no file of scribbles is given")
    scribbles = _read(file)
    with read_video(task.source).end_at_damage() as video:
        folder = task.folder(spec, video.name)
        with (
            staged_folder(folder, ENTRIES, task.overwrite, task.wait) as staging,
            open_frames(video) as frames,
        ):
            last = scribbles.annotated[-1]
            if last >= len(frames):
                raise DataError(
                    f"{file} has a line on frame {last}, the video has {len(frames)} frames"
                )
            _LOG.info("%s %s\n%s", spec.system, spec.name, describe(spec.load_parameters()))
            host = create_host(
                spec.system, spec.name, spec.overrides, spec.net, runtime, task.to_mask
            )
            rounds = len(frames) * len(scribbles.annotated)
            with FrameProgress(video.name, rounds, task.quiet) as progress:
                masks = _play(host, frames, scribbles, progress)
                seconds = progress.seconds * len(frames) / rounds
            with VideoResults(staging, video, task.with_overlay) as results:
                for index, labels in enumerate(masks):
                    output = FrameOutput.of_labels(labels, range(1, host.num_objects + 1))
                    results.add(VideoFrame(index, frames[index], output))
            prompts = {index: FrameInfo(_marked(scribbles, index)) for index in scribbles.annotated}
            write_config(staging, describe_run(spec, runtime), video, prompts, len(frames))
    return Outcome(video.name, len(frames), seconds, video.failure, folder=folder)


def _read(file: Path) -> VideoScribbles:
    scribbles = read_scribbles(file)
    if not any(_marked(scribbles, index) for index in scribbles.annotated):
        raise DataError(f"{file} has no line on an object")
    return scribbles


def _marked(scribbles: VideoScribbles, index: int) -> tuple[int, ...]:
    """The objects that have a line on a frame."""
    return tuple(sorted({line.object_id for line in scribbles.frames[index]} - {0}))


def _play(
    host: InteractiveVOS, frames: LazyFrames, scribbles: VideoScribbles, progress: FrameProgress
) -> np.ndarray:
    """All rounds, by the clock of their first lines and then by their frames."""
    host.start(frames, max(line.object_id for lines in scribbles.frames for line in lines))
    begun = {
        index: min(line.start_time for line in scribbles.frames[index])
        for index in scribbles.annotated
    }
    for index in sorted(begun, key=begun.__getitem__):
        masks = host.interact(index, scribbles.frames[index]).masks
        progress.advance(len(frames))
    return masks
