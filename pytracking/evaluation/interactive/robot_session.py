"""The session of the DAVIS interactive framework: it hands out scribbles and takes masks.

Example:
    with RobotSession(videos, report_folder=Path("reports")) as session:
        while session.next():
            round_ = session.get_scribbles()
            session.submit_masks(my_method(round_))
    print(session.get_global_summary().as_json())
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ltr.admin.errors import ConfigError
from ltr.data.interactive.robot import RobotParameters
from ltr.data.interactive.scribbles import VideoScribbles
from pytracking.analysis.protocols.interactive import (
    METRICS,
    InteractiveScores,
    ReportRow,
    SessionLimits,
    summarise_session,
    write_report,
)
from pytracking.evaluation.interactive.sample import Sample
from pytracking.evaluation.interactive.videos import NUM_SCRIBBLES, InteractiveVideo

_MAX_TIME, _MAX_INTERACTIONS = 600.0, 16  # limits of the DAVIS framework


@dataclass(frozen=True)
class SessionOptions:
    """The rules of a session.

    Args:
        max_time: Seconds per object of the video, 600 at most, that may pass from the start of a
            sample on, whatever takes them; None = no limit.
        max_nb_interactions: Rounds of a sample, 16 at most.
        metric_to_optimize: ``J``, ``F`` or ``J_AND_F``: the robot takes the frame where it is
            lowest, and the summary is about it.
        robot: How the robot draws.
    """

    max_time: float | None = None
    max_nb_interactions: int = 8
    metric_to_optimize: str = "J_AND_F"
    robot: RobotParameters = field(default_factory=RobotParameters)

    def __post_init__(self) -> None:
        if self.metric_to_optimize not in METRICS:
            raise ConfigError(
                f"metric_to_optimize {self.metric_to_optimize!r}: expected {', '.join(METRICS)}"
            )
        if self.max_nb_interactions < 1 or (self.max_time is not None and self.max_time <= 0):
            raise ConfigError("a session needs at least one interaction and some time")

    @property
    def limits(self) -> SessionLimits:
        """The limits that hold."""
        seconds = None if self.max_time is None else min(self.max_time, _MAX_TIME)
        return SessionLimits(seconds, min(self.max_nb_interactions, _MAX_INTERACTIONS))


class SessionRound(NamedTuple):
    """What a session hands out.

    Args:
        sequence: Name of the video.
        scribbles: All lines so far, or the newest.
        is_first: Whether this is the first round of a sample.
    """

    sequence: str
    scribbles: VideoScribbles
    is_first: bool


class RobotSession:
    """Plays samples one after another; ``next``, ``get_scribbles``, ``submit_masks``, and again.

    Args:
        videos: Videos by name.
        options: The rules.
        samples: Video and number of the first scribbles; by default all videos with 1, 2 and 3.
        report_folder: Where ``result_<date>_<time>.csv`` is written when the block ends, also
            after an error; None writes none.
        clock: Seconds of wall time.
    """

    def __init__(
        self,
        videos: Mapping[str, InteractiveVideo],
        options: SessionOptions | None = None,
        samples: Sequence[tuple[str, int]] | None = None,
        report_folder: Path | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        numbers = range(1, NUM_SCRIBBLES + 1)
        self.videos = videos
        self.options = options or SessionOptions()
        self.samples = list(samples or itertools.product(videos, numbers))
        self.sample: Sample | None = None
        self._report_folder = report_folder
        self._clock = clock
        self._rows: list[ReportRow] = []
        self._position = -1
        self._started = 0.0
        self._handed_out: float | None = None
        self._is_over = False

    def __enter__(self) -> RobotSession:
        return self

    def __exit__(self, *_: object) -> None:
        if self._report_folder is not None and self.get_report():
            name = datetime.now().strftime("result_%Y%m%d_%H%M%S.csv")
            write_report(self._report_folder / name, self.get_report())

    def next(self) -> bool:
        """Go to the next round, or to the next sample when the current one is over.

        Returns:
            Whether there is one.

        Raises:
            DataError: The files of the next sample are missing or damaged.
        """
        if self.sample is not None and not self._sample_is_over():
            return True
        self._keep_rows()
        self._position += 1
        self._handed_out = None
        self._is_over = self._position >= len(self.samples)
        if not self._is_over:
            name, number = self.samples[self._position]
            options = self.options
            self.sample = Sample(
                self.videos[name], number, options.robot, options.metric_to_optimize
            )
            self._started = self._clock()
        return not self._is_over

    def scribbles_iterator(self, only_last: bool = False) -> Iterator[SessionRound]:
        """Go through all rounds of all samples; the masks of each are due before the next.

        Args:
            only_last: See ``get_scribbles``.
        """
        while self.next():
            yield self.get_scribbles(only_last)

    def get_scribbles(self, only_last: bool = False) -> SessionRound:
        """Take the scribbles of the current round; the time of the round begins to run.

        Args:
            only_last: Only the newest lines, instead of all of the sample.

        Raises:
            ConfigError: There is no current sample, or its masks are due first.
        """
        sample = self._current()
        if self._handed_out is not None:
            raise ConfigError("submit the masks of this round before taking further scribbles")
        lines = [tuple(frame_lines) for frame_lines in sample.lines]
        if only_last:
            lines = [()] * len(lines)
            lines[sample.frame] = tuple(sample.newest_lines)
        self._handed_out = self._clock()
        scribbles = VideoScribbles(sample.video.name, tuple(lines))
        return SessionRound(sample.video.name, scribbles, sample.num_rounds == 0)

    def submit_masks(
        self, masks: np.ndarray, next_scribble_frame_candidates: Sequence[int] | None = None
    ) -> None:
        """Hand in the result of a round; what comes after the time limit is dropped but counted.

        Args:
            masks: Integers (frames, H, W), 0 = background.
            next_scribble_frame_candidates: The robot takes the worst of these frames; None or an
                empty list allows all. Numbers that are not frames are ignored.

        Raises:
            ConfigError: No scribbles have been taken.
            DataError: The masks have another shape, or no candidate is a frame.
        """
        sample = self._current()
        if self._handed_out is None:
            raise ConfigError("take the scribbles of a round before submitting its masks")
        seconds = self._clock() - self._handed_out
        if self._is_too_late():
            sample.num_rounds += 1
        else:
            scores = sample.score(masks)
            sample.record(scores, seconds)
            sample.annotate(masks, scores, next_scribble_frame_candidates)
        self._handed_out = None

    def get_report(self) -> list[ReportRow]:
        """The rows so far."""
        return self._rows + (self.sample.rows if self.sample is not None else [])

    def get_global_summary(self) -> InteractiveScores:
        """Reduce the report to its numbers.

        Raises:
            ConfigError: The session is not over.
            DataError: There is no row.
        """
        if not self._is_over:
            raise ConfigError("the summary is available once the session is over")
        infos = {name: self.videos[name].info for name, _ in self.samples}
        options = self.options
        return summarise_session(
            self.get_report(), infos, options.limits, options.metric_to_optimize
        )

    def _current(self) -> Sample:
        if self.sample is None:
            raise ConfigError("the session has no current sample: call next() first")
        return self.sample

    def _keep_rows(self) -> None:
        if self.sample is not None:
            self._rows += self.sample.rows
            self.sample = None

    def _sample_is_over(self) -> bool:
        limit = self.options.limits.max_interactions
        is_last = limit is not None and self._current().num_rounds >= limit
        return is_last or self._is_too_late()

    def _is_too_late(self) -> bool:
        limit = self.options.limits.max_time_per_object
        if limit is None:
            return False
        return self._clock() - self._started > limit * self._current().video.num_objects
