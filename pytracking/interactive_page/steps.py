"""Steps of the work on a video, which can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ltr.admin.errors import ToolkitError
from ltr.data.interactive.scribbles import ScribbleLine
from pytracking.evaluation.prompt_types import Prompt
from pytracking.evaluation.session import PassDirection, SessionState
from pytracking.interactive_page.describing import describe_lines
from pytracking.interactive_page.host_session import HostState


class Cancelled(ToolkitError):
    """The person does not want to wait for the end."""


@dataclass(frozen=True)
class Rounds:
    """What the rounds so far have given.

    Args:
        played: Frame and lines of every round.
        quality: Estimated quality of every frame, 0..1; NaN where no pass has been.
        recommended: The frame to correct next.
        seconds: What the last round took.
    """

    played: tuple[tuple[int, tuple[ScribbleLine, ...]], ...] = ()
    quality: np.ndarray = field(default_factory=lambda: np.zeros(0))
    recommended: int | None = None
    seconds: float | None = None

    def describe(self) -> dict[str, Any]:
        """All of it, JSON-like."""
        known = [None if np.isnan(rate) else round(rate, 4) for rate in self.quality.tolist()]
        return {
            "rounds": [
                {"frame": frame, "lines": describe_lines(lines)} for frame, lines in self.played
            ],
            "quality": known if self.played else None,
            "recommended": self.recommended,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Step:
    """Where the work was before something was done.

    Args:
        state: State of the session.
        rounds: What the rounds had given.
        is_round: Whether what was done is a round.
    """

    state: SessionState | HostState
    rounds: Rounds
    is_round: bool = False


def lines_of(prompts: Mapping[int, Prompt]) -> tuple[ScribbleLine, ...]:
    """All lines of a frame's prompts."""
    return tuple(line for prompt in prompts.values() for line in prompt.scribbles)


def pass_length(direction: PassDirection, start: int | None, end: int | None, count: int) -> int:
    """About how many frames a pass has."""
    if direction == "both":
        return count + 1
    place = start or 0
    last = end if end is not None else (count - 1 if direction == "forward" else 0)
    return abs(last - place) + 1
