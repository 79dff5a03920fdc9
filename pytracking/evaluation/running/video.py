"""From a video and prompts to a folder of results: the work of ``run_video`` and ``run_webcam``."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from ltr.admin.config import describe
from ltr.admin.errors import ConfigError
from ltr.admin.files import atomic_write
from ltr.admin.progress import FrameProgress
from pytracking.evaluation.outputs.live_view import LiveView
from pytracking.evaluation.outputs.video import CONFIG, ENTRIES, FAILURE, VideoResults
from pytracking.evaluation.prompt_types import BoxPrompt, MaskPrompt
from pytracking.evaluation.prompts import plan_prompts
from pytracking.evaluation.running.live import Screen, live_frames
from pytracking.evaluation.running.sequence import Tracker
from pytracking.evaluation.stepper import FrameStepper, VideoFrame, segment_video
from pytracking.evaluation.tracker import TrackerSpec, describe_run
from pytracking.tracker.base import FrameInfo, Runtime
from pytracking.tracker.clip import Advance, ignore_progress
from pytracking.utils.environment import evaluation_environment
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.staging import staged_folder
from pytracking.utils.video_reader import VideoLike, read_video

_LOG = logging.getLogger(__name__)

Load = Callable[[TrackerSpec, Runtime], Tracker]


@dataclass(frozen=True)
class VideoTask:
    """What to do with one video.

    Args:
        source: Video file, folder of frames, camera number or frames.
        masks: Mask files of the objects.
        boxes: Boxes of further objects.
        output: Folder of the results; default below ``results_path``.
        with_overlay: Also write the overlay video.
        overwrite: Replace the results of an earlier run.
        quiet: Show no progress.
        wait: Wait while another process works in the output folder, instead of refusing.
        view: Shows the results while they are made, or None.
    """

    source: VideoLike
    masks: Sequence[MaskPrompt] = ()
    boxes: Sequence[BoxPrompt] = ()
    output: Path | None = None
    with_overlay: bool = True
    overwrite: bool = False
    quiet: bool = False
    wait: bool = False
    view: LiveView | None = None


@dataclass(frozen=True)
class VideoSummary:
    """What came out.

    Args:
        folder: Holds the files that ``VideoResults`` describes, and ``config.json``; None where
            nothing was saved.
        frames: Number of frames of the video.
        frames_per_second: Reading, tracking and writing together.
        deviation: In what it was run otherwise than the parameters say; empty where it was not.
        failure: Why the video ended early; empty where it did not.
    """

    folder: Path | None
    frames: int
    frames_per_second: float
    deviation: str = ""
    failure: str = ""


def start_tracker(spec: TrackerSpec, runtime: Runtime) -> Tracker:
    """Log the resolved parameters and load the tracker."""
    _LOG.info("%s %s\n%s", spec.system, spec.name, describe(spec.load_parameters()))
    return spec.create(runtime)


def process_video(
    spec: TrackerSpec,
    runtime: Runtime,
    task: VideoTask,
    load: Load = start_tracker,
    count: Advance = ignore_progress,
) -> VideoSummary:
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
    with read_video(task.source).end_at_damage() as video:
        prompts = plan_prompts(task.masks, task.boxes, video.size, video.length)
        folder = task.output or default_folder(spec, video.name)
        with staged_folder(folder, ENTRIES, task.overwrite, task.wait) as staging:
            frames = segment_video(load(spec, runtime), video, prompts)
            progress = save_frames(frames, video, task, staging, count)
            rate = progress.frames_per_second
            write_config(staging, describe_run(spec, runtime), video, prompts, progress.frames)
    return VideoSummary(folder, progress.frames, rate, failure=video.failure)


def process_live(
    spec: TrackerSpec, runtime: Runtime, task: VideoTask, screen: Screen | None, stop: Event
) -> VideoSummary:
    """Segment a video that somebody watches; results are written only where a folder is named.

    Args:
        spec: The tracker.
        runtime: Device and precision.
        task: The video, the objects known beforehand, and where the results go.
        screen: A window in which objects can be boxed, or None.
        stop: Ends the run when set; what was done so far is kept.

    Raises:
        ToolkitError: Video, prompts, tracker or output folder cannot be used.
        OutputError: The results cannot be written.
    """
    if spec.kind != "online":
        raise ConfigError(f"{spec.system} cannot follow a live video: it needs the whole clip")
    with read_video(task.source).end_at_damage() as video, ExitStack() as stack:
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
        rate = progress.frames_per_second
        if staging is not None:
            write_config(staging, describe_run(spec, runtime), video, prompts, progress.frames)
    return VideoSummary(task.output, progress.frames, rate, failure=video.failure)


def default_folder(spec: TrackerSpec, clip: str) -> Path:
    """Where the results of a clip go when no folder is named."""
    results = Path(evaluation_environment().results_path)
    return results / spec.system / spec.result_name / "video" / clip


def save_frames(
    frames: Iterable[VideoFrame],
    video: FrameSource,
    task: VideoTask,
    folder: Path | None,
    count: Advance = ignore_progress,
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


def write_config(
    folder: Path,
    run: Mapping[str, Any],
    video: FrameSource,
    prompts: Mapping[int, FrameInfo],
    frames: int,
) -> None:
    """Store beside the results what made them; ``run`` comes from ``describe_run``."""
    config = {
        **run,
        "video": {"name": video.name, "size": video.size, "fps": video.fps, "frames": frames},
        "objects": {str(index): list(info.object_ids) for index, info in prompts.items()},
    }
    if video.stems:
        config["video"]["stems"] = list(video.stems)
    if video.failure:
        config[FAILURE] = video.failure
    with atomic_write(folder / CONFIG, "w") as stream:
        json.dump(config, stream, indent=2)
        stream.write("\n")
