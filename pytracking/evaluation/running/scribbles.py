"""From a video and a file of scribbles to a folder of results: a part of ``run_video``'s work."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ltr.admin.config import describe
from ltr.admin.errors import ConfigError, DataError
from ltr.admin.progress import FrameProgress
from ltr.data.interactive.scribbles import VideoScribbles, read_scribbles
from pytracking.evaluation.hosts import create_host
from pytracking.evaluation.outputs.video import ENTRIES, VideoResults
from pytracking.evaluation.running.jobs import Load, Outcome
from pytracking.evaluation.running.task import VideoTask, write_config
from pytracking.evaluation.session import VideoSession
from pytracking.evaluation.sessions.rounds import play_round
from pytracking.evaluation.stepper import VideoFrame
from pytracking.evaluation.tracker import describe_run
from pytracking.tracker.base import FrameInfo, FrameOutput
from pytracking.tracker.interactive.scribble_methods import create_scribble_to_mask
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.lazy_frames import LazyFrames
from pytracking.utils.staging import staged_folder
from pytracking.utils.video_reader import open_frames

_LOG = logging.getLogger(__name__)


def process_scribbles(task: VideoTask, video: FrameSource, folder: Path, load: Load) -> Outcome:
    """Segment a video by the lines of a file, a round for every frame that has some.

    Args:
        task: An interactive host or a tracker that becomes one, and the file of scribbles.
        video: The video.
        folder: Where the results go.
        load: Makes a tracker ready.

    Raises:
        ToolkitError: Video, scribbles, tracker or output folder cannot be used.
        OutputError: The results cannot be written.
    """
    file = task.scribbles
    if file is None:
        raise ConfigError("no file of scribbles is given")
    scribbles = _read(file)
    with (
        staged_folder(folder, ENTRIES, task.overwrite, task.wait) as staging,
        open_frames(video) as frames,
    ):
        last = scribbles.annotated[-1]
        if last >= len(frames):
            raise DataError(
                f"{file} has a line on frame {last}, the video has {len(frames)} frames"
            )
        rounds = len(frames) * len(scribbles.annotated)
        with FrameProgress(video.name, rounds, task.quiet) as progress:
            play = _Play(task, load, frames, scribbles, progress)
            played = (_play_session if task.spec.kind == "online" else _play_host)(play)
            with VideoResults(staging, video, task.with_overlay) as results:
                for result in played:
                    results.add(result)
            seconds = progress.seconds * len(frames) / rounds
        prompts = {index: FrameInfo(_marked(scribbles, index)) for index in scribbles.annotated}
        write_config(staging, describe_run(task.spec, task.runtime), video, prompts, len(frames))
    return Outcome(video.name, len(frames), seconds, video.failure, folder=folder)


def _read(file: Path) -> VideoScribbles:
    scribbles = read_scribbles(file)
    if not any(_marked(scribbles, index) for index in scribbles.annotated):
        raise DataError(f"{file} has no line on an object")
    return scribbles


def _marked(scribbles: VideoScribbles, index: int) -> tuple[int, ...]:
    """The objects that have a line on a frame."""
    return tuple(sorted({line.object_id for line in scribbles.frames[index]} - {0}))


def _rounds(scribbles: VideoScribbles) -> list[int]:
    """The frames that have lines, by the clock of their first lines and then by their numbers."""
    begun = {
        index: min(line.start_time for line in scribbles.frames[index])
        for index in scribbles.annotated
    }
    return sorted(begun, key=begun.__getitem__)


class _Play(NamedTuple):
    """The lines of a video, and what is to play their rounds."""

    task: VideoTask
    load: Load
    frames: LazyFrames
    scribbles: VideoScribbles
    progress: FrameProgress


def _play_session(play: _Play) -> Iterator[VideoFrame]:
    """Play all rounds with a tracker of masks; gives the last results."""
    task, load, frames, scribbles, progress = play
    drawer = create_scribble_to_mask(task.to_mask, task.runtime.device)
    with VideoSession(load(task.spec, task.runtime), frames, drawer) as session:
        for index in _rounds(scribbles):
            for _ in play_round(session, index, scribbles.frames[index]):
                progress.advance()
        for index in range(len(frames)):
            yield session.output(index)


def _play_host(play: _Play) -> Iterator[VideoFrame]:
    """Play all rounds with an interactive host; gives the last results."""
    task, _, frames, scribbles, progress = play
    spec = task.spec
    _LOG.info("%s %s\n%s", spec.system, spec.name, describe(spec.load_parameters()))
    host = create_host(spec.system, spec.name, spec.overrides, spec.net, task.runtime, task.to_mask)
    host.start(frames, max(line.object_id for lines in scribbles.frames for line in lines))
    for index in _rounds(scribbles):
        masks = host.interact(index, scribbles.frames[index]).masks
        progress.advance(len(frames))
    for index, labels in enumerate(masks):
        output = FrameOutput.of_labels(labels, range(1, host.num_objects + 1))
        yield VideoFrame(index, frames[index], output)
