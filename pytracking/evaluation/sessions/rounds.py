"""Rounds of lines, as people and the robot draw them, played in a session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ltr.data.interactive.scribbles import ScribbleLine
from pytracking.evaluation.prompt_types import Prompt
from pytracking.evaluation.session import VideoSession
from pytracking.evaluation.sessions.record import SessionRecord
from pytracking.evaluation.stepper import VideoFrame


def say(session: SessionRecord, frame: int, prompts: Sequence[Prompt]) -> None:
    """Add the objects that are new and correct the others; all prompts or none are taken.

    Args:
        session: Session that learns of them.
        frame: Index of the frame.
        prompts: For one object each; the background comes last whatever the order.

    Raises:
        DataError: See ``VideoSession.add`` and ``correct``.
    """
    state = session.save_state()
    try:
        for prompt in sorted(prompts, key=lambda own: own.object_id == 0):
            is_known = prompt.object_id in (0, *session.object_ids)
            if is_known:
                session.correct(frame, prompt)
            else:
                session.add(frame, prompt)
    except Exception:
        session.restore_state(state)
        raise


def play_round(
    session: VideoSession, frame: int, lines: Sequence[ScribbleLine]
) -> Iterator[VideoFrame]:
    """Take the lines of a frame and carry them in both directions.

    Yields:
        See ``VideoSession.propagate``.

    Raises:
        DataError: The first lines name no object.
    """
    ids = sorted({line.object_id for line in lines})
    own = {key: tuple(line for line in lines if line.object_id == key) for key in ids}
    say(session, frame, [Prompt(key, scribbles=drawn) for key, drawn in own.items()])
    yield from session.propagate(frame)
