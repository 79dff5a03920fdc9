"""Limits of what is drawn, so that no input can fill the memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ltr.admin.errors import DataError
from pytracking.evaluation.prompt_types import Prompt
from pytracking.evaluation.session import VideoSession
from pytracking.interactive_page.host_session import HostSession
from pytracking.interactive_page.requests import Brush
from pytracking.interactive_page.settings import PageSettings


def check_prompts(
    limits: PageSettings,
    session: VideoSession | HostSession,
    prompts: Sequence[Prompt],
    brushes: Sequence[Brush],
) -> None:
    """Refuse what is too much, or names an object that cannot be.

    Raises:
        DataError: Says which limit is passed.
    """
    ids = [*(prompt.object_id or 0 for prompt in prompts), *(brush.object_id for brush in brushes)]
    if not ids:
        raise DataError("draw at least one line first")
    if max(ids) > limits.max_objects or min(ids) < 0:
        raise DataError(f"objects are 1 to {limits.max_objects}, got {max(ids)}")
    num_lines = sum(len(prompt.scribbles) + len(prompt.points) for prompt in prompts)
    if num_lines + len(brushes) > limits.max_lines:
        raise DataError(f"{num_lines + len(brushes)} lines are more than {limits.max_lines}")
    paths = [line.path for prompt in prompts for line in prompt.scribbles]
    if max((len(path) for path in [*paths, *(b.path for b in brushes)]), default=0) > (
        limits.max_points
    ):
        raise DataError(f"a line has more than {limits.max_points} points")
    known = (own for drawn in session.all_prompts().values() for own in drawn.values())
    if _count(known) + _count(prompts) > limits.max_all_points:
        raise DataError(f"all rounds together have more than {limits.max_all_points} points")


def _count(prompts: Iterable[Prompt]) -> int:
    """Points of all lines and clicks."""
    return sum(
        len(prompt.points) + sum(len(line.path) for line in prompt.scribbles) for prompt in prompts
    )
