"""From a video and prompts of any kind to a folder of results, by a session."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ltr.admin.errors import ConfigError
from ltr.admin.progress import FrameProgress
from pytracking.evaluation.engines.base import CountFrames
from pytracking.evaluation.outputs.video import ENTRIES, VideoResults
from pytracking.evaluation.prompt_types import BoxPrompt, MaskPrompt, PointPrompt, Prompt
from pytracking.evaluation.prompting.finders import find_objects, parse_finder
from pytracking.evaluation.prompts import plan_prompts
from pytracking.evaluation.running.jobs import Load, Outcome
from pytracking.evaluation.running.task import (
    VideoTask,
    describe_video_run,
    write_config,
)
from pytracking.evaluation.session import VideoSession
from pytracking.evaluation.sessions.record import SessionRecord
from pytracking.evaluation.sessions.rounds import say
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.tracker.base import FrameInfo, OnlineTracker, Runtime
from pytracking.tracker.interactive.scribble_methods import create_scribble_to_mask
from pytracking.utils.frame_source import FrameSource
from pytracking.utils.lazy_frames import LazyFrames
from pytracking.utils.staging import staged_folder
from pytracking.utils.video_reader import open_frames

_LOG = logging.getLogger(__name__)
Planned = list[tuple[int, list[Prompt]]]


def process_prompts(
    task: VideoTask, video: FrameSource, folder: Path, load: Load, count: CountFrames
) -> Outcome:
    """Segment a video by a session of a tracker of masks; see ``process_video``."""
    runtime = task.runtime
    finders: list[tuple[TrackerSpec, tuple[str, ...]]] = []
    if task.texts:
        finders.append((parse_finder(task.text_finder, True), task.texts))
    if task.everything:
        finders.append((parse_finder(task.all_finder, False), ()))
    direction = task.direction or ("both" if finders else "forward")
    planned = plan_all(task, video)
    with (
        staged_folder(folder, ENTRIES, task.overwrite, task.wait) as staging,
        open_frames(video, is_stream=not finders and direction == "forward") as frames,
    ):
        to_mask = create_scribble_to_mask(task.to_mask, runtime.device)
        with SessionRecord(frames, to_mask) as trial:  # before anything slow is begun
            _say_all(trial, planned)
        for finder, texts in finders:
            planned += _search(finder, runtime, frames, texts, task.score_threshold)
        tracker = load(task.spec, runtime)
        assert isinstance(tracker, OnlineTracker)  # its spec says so
        with VideoSession(tracker, frames, to_mask) as session:
            _say_all(session, planned)
            passes = (2 if direction == "both" else 1) * (video.length or 0)
            with FrameProgress(video.name, passes or None, task.quiet) as progress:
                for _ in session.propagate(direction=direction):
                    progress.advance()
                    count(1)
            seconds = progress.seconds
            _save(session, staging, video, task.with_overlay)
            known = {f: FrameInfo(tuple(session.prompts(f))) for f in session.annotated}
            write_config(staging, describe_video_run(task), video, known, len(frames))
    return Outcome(video.name, len(frames), seconds, video.failure, folder=folder)


def _say_all(session: SessionRecord, planned: Planned) -> None:
    for frame, prompts in planned:
        say(session, frame, prompts)


def plan_all(task: VideoTask, video: FrameSource) -> Planned:
    """The drawn prompts of a task, by frame in ascending order.

    Raises:
        ConfigError: There is none and nothing to be searched, or one lies behind the video's end.
        DataError: A mask or box cannot be used.
    """
    named: list[PointPrompt | BoxPrompt] = [*task.points]
    named += [box for box in task.boxes if box.object_id is not None]
    unnamed = [box for box in task.boxes if box.object_id is None]
    _check_frames([*task.masks, *named, *unnamed], video.length)
    plan: dict[int, list[Prompt]] = {}
    if task.masks or unnamed or not (named or task.is_searched):
        reserved = {own.object_id for own in named if own.object_id is not None}
        infos = plan_prompts(task.masks, unnamed, video.size, video.length, reserved)
        plan = {frame: _prompts_of(info) for frame, info in infos.items()}
    for own in named:
        plan.setdefault(own.frame, []).append(
            Prompt(own.object_id, box=own.box)
            if isinstance(own, BoxPrompt)
            else Prompt(own.object_id, points=(own.point,))
        )
    return [(frame, _joined(plan[frame])) for frame in sorted(plan)]


def _check_frames(
    prompts: Sequence[MaskPrompt | BoxPrompt | PointPrompt], length: int | None
) -> None:
    last = max((own.frame for own in prompts), default=0)
    if length is not None and last >= length:
        raise ConfigError(f"a prompt is for frame {last}, the video has frames 0..{length - 1}")


def _prompts_of(info: FrameInfo) -> list[Prompt]:
    """A prompt for every object that starts."""
    return [
        Prompt(key, box=info.boxes[key])
        if key in info.boxes
        else Prompt(key, mask=info.mask == key if info.mask is not None else None)
        for key in info.object_ids
    ]


def _joined(prompts: Sequence[Prompt]) -> list[Prompt]:
    """One prompt per object; areas first, so that points refine them."""
    joined: dict[int | None, Prompt] = {}
    for prompt in sorted(prompts, key=lambda own: bool(own.points)):
        key = prompt.object_id
        joined[key] = joined.get(key, Prompt(key)).joined(prompt)
    return list(joined.values())


def _search(
    finder: TrackerSpec,
    runtime: Runtime,
    frames: LazyFrames,
    texts: Sequence[str],
    min_score: float,
) -> Planned:
    """Let a network find objects; the log names their key frames."""
    found = find_objects(finder, runtime, frames, texts, min_score)
    names = texts or [f"object found with score {key.score:.2f}" for key in found]
    for name, key in zip(names, found, strict=True):
        _LOG.info("%s: key frame %d", name, key.frame)
    return [(key.frame, [key.prompt]) for key in found]


def _save(session: VideoSession, folder: Path, video: FrameSource, with_overlay: bool) -> None:
    with VideoResults(folder, video, with_overlay) as results:
        for frame in range(len(session.frames)):
            results.add(session.output(frame))
