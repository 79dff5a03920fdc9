"""One sample of the interactive protocol: a video, its first scribbles, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.interactive.robot import RobotParameters, draw_corrections
from ltr.data.interactive.scribbles import ScribbleLine
from pytracking.analysis.protocols.interactive import ReportRow, score_masks
from pytracking.evaluation.interactive.videos import InteractiveVideo


@dataclass(frozen=True)
class Scores:
    """J and F of every object in every frame after a round.

    Args:
        jaccard: float64 (frames, objects).
        contour: float64 (frames, objects).
    """

    jaccard: np.ndarray
    contour: np.ndarray

    def of(self, metric: str) -> np.ndarray:
        """Mean over the objects, float64 (frames,).

        Args:
            metric: ``J``, ``F`` or ``J_AND_F``.
        """
        values = {
            "J": self.jaccard,
            "F": self.contour,
            "J_AND_F": (self.jaccard + self.contour) / 2,
        }
        return values[metric].mean(axis=1)


class Sample:
    """Collects the scribbles of a sample round by round; the robot draws the corrections.

    Args:
        video: With annotations.
        number: Number of the set of first scribbles, from 1.
        robot: How the robot draws.
        metric: What is lowest on the next frame: ``J``, ``F`` or ``J_AND_F``.
    """

    def __init__(
        self,
        video: InteractiveVideo,
        number: int,
        robot: RobotParameters,
        metric: str = "J_AND_F",
    ) -> None:
        self.video = video
        self.number = number
        self.robot = robot
        self.metric = metric
        self.truth = video.read_truth()
        self.frame, self.newest_lines = video.read_first_scribbles(number)
        self.lines: list[list[ScribbleLine]] = [[] for _ in video.frames]
        self.lines[self.frame] += self.newest_lines
        self.annotated = [self.frame]
        self.rows: list[ReportRow] = []
        self.num_rounds = 0
        self._drawn_by_robot: list[int] = []

    def score(self, masks: np.ndarray) -> Scores:
        """Compare masks with the annotations.

        Args:
            masks: Integers (frames, H, W).

        Raises:
            DataError: They have another shape.
        """
        if masks.shape != self.truth.shape:
            raise DataError(
                f"{self.video.name}: expected masks of the shape {self.truth.shape}, got "
                f"{masks.shape}"
            )
        return Scores(*score_masks(self.truth, masks.astype(np.uint8), self.video.num_objects))

    def record(self, scores: Scores, seconds: float) -> None:
        """Note the result of the current round.

        Args:
            scores: Scores of the masks of this round.
            seconds: What it took.
        """
        self.num_rounds += 1
        frames, objects = scores.jaccard.shape
        self.rows += [
            ReportRow(
                self.video.name,
                self.number,
                self.num_rounds,
                key + 1,
                frame,
                float(scores.jaccard[frame, key]),
                float(scores.contour[frame, key]),
                seconds,
            )
            for frame in range(frames)
            for key in range(objects)
        ]

    def annotate(
        self, masks: np.ndarray, scores: Scores, candidates: Sequence[int] | None = None
    ) -> int:
        """Let the robot correct the worst frame of the candidates.

        Frames that the robot has drawn on come only when no other candidate is left. The frame of
        the first scribbles does not count as such, as in the DAVIS framework.

        Args:
            masks: uint8 (frames, H, W), the result of the current round.
            scores: Scores of these masks.
            candidates: Frames to choose from; None or an empty list allows all. Numbers that are
                no frames are ignored.

        Returns:
            The frame, which is now the current one; it can stay without new lines.

        Raises:
            DataError: There are candidates, and none is a frame of the video.
        """
        self.frame = self._choose(scores.of(self.metric), candidates)
        self._drawn_by_robot.append(self.frame)
        self.annotated.append(self.frame)
        self.newest_lines = draw_corrections(
            self.truth[self.frame],
            masks[self.frame].astype(np.uint8),
            self.video.num_objects,
            self.robot,
        )
        self.lines[self.frame] = self.lines[self.frame] + self.newest_lines
        return self.frame

    def _choose(self, quality: np.ndarray, candidates: Sequence[int] | None) -> int:
        frames = range(len(self.video))
        allowed = [frame for frame in candidates or frames if frame in frames]
        if not allowed:
            raise DataError(
                f"{self.video.name} has {len(frames)} frames, the candidates are {candidates}"
            )
        used = set(self._drawn_by_robot)
        free = [frame for frame in allowed if frame not in used] or allowed
        return next(int(frame) for frame in np.argsort(quality) if frame in free)
