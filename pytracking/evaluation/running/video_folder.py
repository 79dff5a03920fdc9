"""All videos of a folder, in this process or by an engine: the work of ``run_video``."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ltr.admin.config import describe
from ltr.admin.errors import ConfigError, DataError, LockedError
from ltr.admin.locks import lock_folder
from ltr.admin.progress import FrameProgress
from ltr.data.frame_files import find_mask
from pytracking.evaluation.engines.base import CountFrames, Engine
from pytracking.evaluation.outputs.video import CONFIG, FAILURE
from pytracking.evaluation.prompt_types import MaskPrompt
from pytracking.evaluation.running.jobs import Job, Load, Outcome, loader, run_jobs
from pytracking.evaluation.running.task import (
    VideoTask,
    check_task,
    default_folder,
    describe_video_run,
)
from pytracking.evaluation.running.video import process_video
from pytracking.evaluation.running.whole_video import move_movie
from pytracking.evaluation.tracker import compare_runs
from pytracking.utils.publishing import finish_publishing
from pytracking.utils.staging import translate_write_errors
from pytracking.utils.video_reader import read_video

_LOG = logging.getLogger(__name__)
_OF_ONE_VIDEO = {"video", "objects", FAILURE}


@dataclass(frozen=True)
class VideoJob(Job):
    """One video of a folder.

    Args:
        task: The tracker, the video and where its results go.
        num_frames: Number of frames as far as the container tells, else 0.
    """

    task: VideoTask
    num_frames: int

    @property
    def name(self) -> str:
        """Name of the file or folder."""
        return _path_of(self.task).name

    @property
    def length(self) -> int:
        """Number of frames, 0 where it is not known."""
        return self.num_frames

    def run(self, load: Load, count: CountFrames) -> Outcome:
        """See ``Job.run``."""
        return replace(process_video(self.task, load, count), name=self.name)


class VideoFolder:
    """The videos of a folder, and what is to be done with them.

    The results of a video lie in ``<output>/<video>``. For a tracker that needs masks,
    every mask prompt names a folder with a file ``<video>.png`` for the videos that it concerns.

    Args:
        task: Source and output stand for all videos.
        videos: Videos from ``find_videos``, at least one.

    Attributes:
        num_finished: Videos that had results of this configuration before, and are left alone.

    Raises:
        ConfigError: The task does not fit several videos, or there are results of another
            configuration.
    """

    def __init__(self, task: VideoTask, videos: Sequence[Path]) -> None:
        self._task = task
        self._check(videos)
        run = describe_video_run(task)
        output = output_of(task)
        folders = {path: output / _name(path) for path in videos}
        waiting = {path: own for path, own in folders.items() if not self._is_done(own, run)}
        self.num_finished = len(folders) - len(waiting)
        self._failures: list[Outcome] = []
        self._jobs: list[VideoJob] = []
        for path, folder in waiting.items():
            try:
                self._jobs.append(self._job(path, folder))
            except DataError as error:
                self._failures.append(Outcome(path.name, failure=str(error)))

    def run(self, engine: Engine | None) -> Iterator[Outcome]:
        """Segment the videos that have no results yet, each whole or not at all.

        A damaged video does not stop the others. An engine takes the longest videos first.

        Raises:
            ToolkitError: The tracker cannot be used.
            OutputError: The results cannot be written.
        """
        spec = self._task.spec
        _LOG.info("%s %s\n%s", spec.system, spec.name, describe(spec.load_parameters()))
        lengths = [job.length for job in self._jobs]
        total = sum(lengths) if all(lengths) else None
        title = _path_of(self._task).resolve().name
        with FrameProgress(title, total, self._task.quiet) as progress:
            yield from self._failures
            yield from run_jobs(self._jobs, engine, progress.advance, loader(), self._sweep)

    def _sweep(self) -> None:
        """Tidy up what workers that were killed have left."""
        for job in self._jobs:
            folder = output_of(job.task)
            with suppress(LockedError), lock_folder(folder):
                finish_publishing(folder)
            with suppress(OSError):
                folder.rmdir()

    def _check(self, videos: Sequence[Path]) -> None:
        names = Counter(map(_name, videos))
        twice = [name for name, count in names.items() if count > 1]
        if twice:
            raise ConfigError(
                f"{videos[0].parent} holds several videos called {twice[0]}: rename one"
            )
        task = self._task
        kind = check_task(task)
        if task.boxes or task.points:
            what = "boxes" if task.boxes else "points"
            raise ConfigError(f"{what} belong to one video: name masks with --mask FOLDER")
        if kind == "whole_video":
            return
        folders = [prompt.path for prompt in task.masks]
        files = [path for path in folders if not path.is_dir()]
        if files or not (folders or task.is_searched):
            found = f"{files[0]} is none" if files else "none is named"
            raise ConfigError(
                "videos of a folder need --mask FOLDER, which holds a first mask <video>.png for "
                f"every video: {found}"
            )

    def _is_done(self, folder: Path, run: Mapping[str, Any]) -> bool:
        """Whether a video has results of this configuration, and they are to be kept."""
        if folder.is_dir():
            with translate_write_errors(folder), lock_folder(folder, self._task.wait):
                finish_publishing(folder)
        if self._task.overwrite or not (folder / CONFIG).exists():
            return False
        if FAILURE in _stored_config(folder):  # the file broke off; perhaps it is whole now
            return False
        difference = compare_runs(_stored_run(folder), run)
        if difference:
            raise ConfigError(
                f"{folder} holds results of another configuration ({difference}): choose another "
                "--output, or run all videos again with --overwrite"
            )
        if self._task.spec.kind == "whole_video":
            move_movie(folder)
        return True

    def _job(self, path: Path, folder: Path) -> VideoJob:
        task = self._task
        masks = tuple(
            MaskPrompt(prompt.frame, find_mask(prompt.path, _name(path))) for prompt in task.masks
        )
        present = tuple(prompt for prompt in masks if prompt.path.exists())
        if masks and not present:
            raise DataError(f"{path} has no mask: {masks[0].path} does not exist")
        with read_video(path) as video:
            length = video.length or 0
        last = max((prompt.frame for prompt in present), default=0)
        if length and last >= length:
            raise DataError(f"{path} has {length} frames, a mask is for frame {last}")
        own = replace(
            task,
            source=path,
            masks=present,
            output=folder,
            quiet=True,
            is_one_of_many=True,
            overwrite=task.overwrite or FAILURE in _stored_config(folder),
        )
        return VideoJob(own, length)


def output_of(task: VideoTask) -> Path:
    """The folder that holds a folder of results for every video."""
    return task.output or default_folder(task.spec, _path_of(task).resolve().name)


def _path_of(task: VideoTask) -> Path:
    if not isinstance(task.source, str | os.PathLike):
        raise ConfigError("several videos must be given as the path of their folder")
    return Path(task.source)


def _name(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def _stored_run(folder: Path) -> dict[str, Any]:
    stored = _stored_config(folder)
    return {key: value for key, value in stored.items() if key not in _OF_ONE_VIDEO}


def _stored_config(folder: Path) -> dict[str, Any]:
    try:
        stored = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}
