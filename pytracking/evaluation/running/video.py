"""From a video and prompts to a folder of results: the work of ``run_video`` and ``run_webcam``."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from threading import Event

from ltr.admin.errors import ConfigError
from ltr.admin.progress import FrameProgress
from pytracking.evaluation.engines.base import CountFrames
from pytracking.evaluation.outputs.video import ENTRIES, VideoResults
from pytracking.evaluation.prompts import plan_prompts
from pytracking.evaluation.running.jobs import Load, Outcome
from pytracking.evaluation.running.live import Screen, live_frames
from pytracking.evaluation.running.prompted import process_prompts
from pytracking.evaluation.running.scribbles import process_scribbles
from pytracking.evaluation.running.task import VideoTask, check_task, start_tracker, write_config
from pytracking.evaluation.running.whole_video import process_whole_video
from pytracking.evaluation.stepper import FrameStepper, VideoFrame, segment_video
from pytracking.evaluation.tracker import TrackerSpec, describe_run
from pytracking.tracker.base import FrameInfo, Runtime
from pytracking.tracker.whole_video import ignore_progress
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.staging import staged_folder


def process_video(
    spec: TrackerSpec,
    runtime: Runtime,
    task: VideoTask,
    load: Load = start_tracker,
    count: CountFrames = ignore_progress,
) -> Outcome:
    """Segment a video and write the results; whole, up to damage in the file, or not at all.

    What can be wrong with the input is looked at first, then the tracker is loaded.

    Args:
        spec: The tracker.
        runtime: Device and precision.
        task: The video, its objects and where the results go.
        load: Makes the tracker ready.
        count: Progress callback, called with the number of frames done since the last call.

    Raises:
        ToolkitError: Video, prompts, tracker or output folder cannot be used.
        OutputError: The results cannot be written.
    """
    check_task(spec, task)
    if task.scribbles is not None:
        return process_scribbles(spec, runtime, task)
    if spec.kind == "whole_video":
        return process_whole_video(spec, runtime, task, load, count)
    if task.needs_session:
        return process_prompts(spec, runtime, task, load, count)
    return _process_online(spec, runtime, task, load, count)


def _process_online(
    spec: TrackerSpec, runtime: Runtime, task: VideoTask, load: Load, count: CountFrames
) -> Outcome:
    """Frame by frame, each read and written while the tracker works."""
    with task.open() as video:
        prompts = plan_prompts(task.masks, task.boxes, video.size, video.length)
        folder = task.folder(spec, video.name)
        with staged_folder(folder, ENTRIES, task.overwrite, task.wait) as staging:
            frames = segment_video(load(spec, runtime), video, prompts)
            progress = save_frames(frames, video, task, staging, count)
            seconds = progress.seconds
            write_config(staging, describe_run(spec, runtime), video, prompts, progress.frames)
    return _outcome(video, progress, seconds, folder)


def process_live(
    spec: TrackerSpec, runtime: Runtime, task: VideoTask, screen: Screen | None, stop: Event
) -> Outcome:
    """Segment a video that somebody watches; results are written only where a folder is named.

    Args:
        spec: The tracker.
        runtime: Device and precision.
        task: The video, the objects known in advance, and where the results go.
        screen: A window in which objects can be boxed, or None.
        stop: Ends the run when set; what was done so far is kept.

    Raises:
        ToolkitError: Video, prompts, tracker or output folder cannot be used.
        OutputError: The results cannot be written.
    """
    if spec.kind != "online":
        raise ConfigError(f"{spec.system} cannot follow a live video: it needs the whole video")
    with task.open() as video, ExitStack() as stack:
        prompts: dict[int, FrameInfo] = {}
        if screen is None or task.masks or task.boxes:
            prompts = plan_prompts(task.masks, task.boxes, video.size, video.length)
        staging = None
        if task.output is not None:
            writing = staged_folder(task.output, ENTRIES, task.overwrite, task.wait)
            staging = stack.enter_context(writing)
        session = FrameStepper(start_tracker(spec, runtime))
        progress = save_frames(
            live_frames(session, video, prompts, screen, stop), video, task, staging
        )
        seconds = progress.seconds
        if staging is not None:
            write_config(staging, describe_run(spec, runtime), video, prompts, progress.frames)
    return _outcome(video, progress, seconds, task.output)


def _outcome(
    video: FrameSource, progress: FrameProgress, seconds: float, folder: Path | None
) -> Outcome:
    return Outcome(
        video.name,
        progress.frames,
        seconds,
        video.failure,
        folder=folder,
        dropped=video.count_dropped(),
    )


def save_frames(
    frames: Iterable[VideoFrame],
    video: FrameSource,
    task: VideoTask,
    folder: Path | None,
    count: CountFrames = ignore_progress,
) -> FrameProgress:
    """Run through all frames, count them, and write them where a folder is given.

    Args:
        frames: Frames from ``segment_video``, computed lazily.
        video: Source of the frames.
        task: Whether an overlay, progress and a live view are wanted.
        folder: An existing folder, or None to save nothing.
        count: Progress callback, called with the number of frames done since the last call.

    Returns:
        The count of the frames and their rate.
    """
    progress = FrameProgress(video.name, video.length, task.quiet)
    with progress, ExitStack() as stack:
        results = None
        if folder is not None:
            results = stack.enter_context(VideoResults(folder, video, task.with_overlay))
        for frame in frames:
            if results is not None:
                results.add(frame)
            progress.advance()
            count(1)
            if task.view is not None:
                seconds = 1 / progress.frames_per_second
                task.view.show(video.name, frame.image, frame.output, seconds)
    return progress
