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
from pytracking.evaluation.running.jobs import Load, Outcome, load_and_log
from pytracking.evaluation.running.live import Screen, live_frames
from pytracking.evaluation.running.task import VideoTask, check_task, default_folder, write_config
from pytracking.evaluation.stepper import FrameStepper, VideoFrame, segment_video
from pytracking.evaluation.tracker import describe_run
from pytracking.tracker.base import FrameInfo, Inspector
from pytracking.tracker.whole_video import ignore_progress
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.staging import staged_folder
from pytracking.utils.video_reader import read_video


def process_video(
    task: VideoTask, load: Load = load_and_log, count: CountFrames = ignore_progress
) -> Outcome:
    """Segment a video and write the results; whole, up to damage in the file, or not at all.

    What can be wrong with the input is looked at first, then the tracker is loaded.

    Args:
        task: The tracker, the video, its objects and where the results go.
        load: Makes the tracker ready.
        count: Progress callback, called with the number of frames done since the last call.

    Raises:
        ToolkitError: Video, prompts, tracker or output folder cannot be used.
        OutputError: The results cannot be written.
    """
    kind, spec = check_task(task), task.spec
    has_named = any(box.object_id is not None for box in task.boxes)
    is_searched, is_forward = task.texts or task.everything, task.direction in (None, "forward")
    with read_video(task.source, task.stream).end_at_damage() as video:
        folder = task.output or default_folder(spec, video.name)
        if task.scribbles is not None:
            from pytracking.evaluation.running.scribbles import process_scribbles

            return process_scribbles(task, video, folder, load)
        if kind == "whole_video":
            from pytracking.evaluation.running.whole_video import process_whole_video

            return process_whole_video(task, video, folder, load, count)
        if task.points or has_named or is_searched or not is_forward:  # one pass is not enough
            from pytracking.evaluation.running.prompted import process_prompts

            return process_prompts(task, video, folder, load, count)
        prompts = plan_prompts(task.masks, task.boxes, video.size, video.length)
        with staged_folder(folder, ENTRIES, task.overwrite, task.wait) as staging:
            frames = segment_video(load(spec, task.runtime), video, prompts)
            progress = FrameProgress(video.name, video.length, task.quiet)
            with progress, VideoResults(staging, video, task.with_overlay) as results:
                save_frames(frames, video, progress, results, task.runtime.inspector, count)
            seconds = progress.seconds
            run = describe_run(spec, task.runtime)
            write_config(staging, run, video, prompts, progress.frames)
    return _outcome(video, progress, seconds, folder)


def process_live(task: VideoTask, screen: Screen | None, stop: Event) -> Outcome:
    """Segment a video that somebody watches; results are written only where a folder is named.

    Args:
        task: The tracker, the video, the objects known in advance, and where the results go.
        screen: A window in which objects can be boxed, or None.
        stop: Ends the run when set; what was done so far is kept.

    Raises:
        ToolkitError: Video, prompts, tracker or output folder cannot be used.
        OutputError: The results cannot be written.
    """
    spec = task.spec
    if spec.kind != "online":
        raise ConfigError(f"{spec.system} cannot follow a live video: it needs the whole video")
    with read_video(task.source, task.stream).end_at_damage() as video, ExitStack() as stack:
        prompts: dict[int, FrameInfo] = {}
        if screen is None or task.masks or task.boxes:
            prompts = plan_prompts(task.masks, task.boxes, video.size, video.length)
        staging = None
        if task.output is not None:
            staged = staged_folder(task.output, ENTRIES, task.overwrite, task.wait)
            staging = stack.enter_context(staged)
        session = FrameStepper(load_and_log(spec, task.runtime))
        frames = live_frames(session, video, prompts, screen, stop)
        progress = FrameProgress(video.name, video.length, task.quiet)
        with progress, ExitStack() as writing:
            results = None
            if staging is not None:
                results = VideoResults(staging, video, task.with_overlay)
                writing.enter_context(results)
            save_frames(frames, video, progress, results, task.runtime.inspector)
        seconds = progress.seconds
        if staging is not None:
            run = describe_run(spec, task.runtime)
            write_config(staging, run, video, prompts, progress.frames)
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
    progress: FrameProgress,
    results: VideoResults | None,
    inspector: Inspector | None = None,
    count: CountFrames = ignore_progress,
) -> None:
    """Run through all frames, count them, and write and show them where that is wanted.

    Args:
        frames: Frames from ``segment_video``, computed lazily.
        video: The video, for its name.
        progress: Counts them.
        results: Writes them, or None.
        inspector: Is shown them, or None.
        count: Progress callback, called with the number of frames done since the last call.
    """
    for frame in frames:
        if results is not None:
            results.add(frame)
        progress.advance()
        count(1)
        if inspector is not None:
            seconds = 1 / progress.frames_per_second
            inspector.show(video.name, frame.image, frame.output, seconds)
