"""An interactive host behind the calls of a session, so that the page knows one kind of work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import NO_BOX
from ltr.data.interactive.scribbles import ScribbleLine
from pytracking.evaluation.prompt_types import Prompt
from pytracking.evaluation.prompting.checks import check_conflicts, check_prompt
from pytracking.evaluation.prompting.drawing import prompt_lines
from pytracking.evaluation.session import PassDirection
from pytracking.evaluation.sessions.layers import FrameResult, Layers, Place
from pytracking.evaluation.stepper import VideoFrame
from pytracking.tracker.base import FrameOutput
from pytracking.tracker.interactive.base import InteractiveVOS, RoundResult
from pytracking.utils.lazy_frames import LazyFrames

Round = tuple[int, tuple[ScribbleLine, ...]]


@dataclass(frozen=True)
class HostState:
    """A state to which the session can go back: rounds that were played, lines that were not."""

    rounds: tuple[Round, ...] = ()
    waiting: dict[int, dict[int, Prompt]] = field(default_factory=dict)
    results: dict[int, Place] = field(default_factory=dict)


class HostSession:
    """Plays rounds of an interactive host; it takes lines and points, and rewrites all frames.

    A host cannot go back: after ``restore_state`` it is started anew and given the rounds so far.

    Args:
        host: Serves this session only.
        frames: uint8 (H, W, 3) RGB.
    """

    def __init__(self, host: InteractiveVOS, frames: LazyFrames) -> None:
        self.host = host
        self.frames = frames
        self._layers = Layers(frames.shape)
        self._state = HostState()
        self._played: tuple[Round, ...] = ()
        self._result: RoundResult | None = None
        self._num_objects = 0
        host.finish()

    def close(self) -> None:
        """Drop all results."""
        self.host.finish()
        self._layers.close()

    @property
    def object_ids(self) -> tuple[int, ...]:
        """All objects that have a line, ascending."""
        drawn = {line.object_id for _, lines in self._state.rounds for line in lines}
        drawn |= {key for prompts in self._state.waiting.values() for key in prompts}
        return tuple(sorted(drawn - {0}))

    def say(self, frame: int, prompts: Sequence[Prompt]) -> None:
        """Keep lines and points for the next round.

        Raises:
            DataError: There is no such frame, or the host does not take such prompts.
        """
        self._check_frame(frame)
        joined = dict(self._state.waiting.get(frame, {}))
        for prompt in prompts:
            check_prompt(prompt, (self.frames.shape[1], self.frames.shape[0]))
            if prompt.mask is not None or prompt.box is not None:
                raise DataError(f"{self.host.name} takes lines and points only")
            key = prompt.object_id or 0
            joined[key] = joined.get(key, Prompt(key)).joined(prompt)
        check_conflicts(joined)
        if not {*joined, *self.object_ids} - {0}:
            raise DataError("the first round needs a line on an object, not only on the background")
        others = {other: own for other, own in self._state.waiting.items() if other != frame}
        self._state = HostState(
            self._state.rounds, {**others, frame: joined}, dict(self._state.results)
        )

    def remove(self, object_id: int) -> None:
        """Hosts cannot forget a single object."""
        raise DataError(f"{self.host.name} cannot let go of a single object: undo its rounds")

    def prompts(self, frame: int) -> dict[int, Prompt]:
        """The lines that wait for the next round."""
        return dict(self._state.waiting.get(frame, {}))

    @property
    def new_frames(self) -> tuple[int, ...]:
        """The frames with lines that no round has used, ascending."""
        return tuple(sorted(self._state.waiting))

    def all_prompts(self) -> dict[int, dict[int, Prompt]]:
        """All lines by frame and object, also those of rounds."""
        found: dict[int, dict[int, Prompt]] = {}
        for frame, lines in self._state.rounds:
            for line in lines:
                known = found.setdefault(frame, {}).get(line.object_id, Prompt(line.object_id))
                drawn = Prompt(line.object_id, scribbles=(line,))
                found[frame][line.object_id] = known.joined(drawn)
        for frame, prompts in self._state.waiting.items():
            for key, prompt in prompts.items():
                known = found.setdefault(frame, {}).get(key, Prompt(key))
                found[frame][key] = known.joined(prompt)
        return found

    def save_state(self) -> HostState:
        """The present state."""
        return HostState(self._state.rounds, dict(self._state.waiting), dict(self._state.results))

    def restore_state(self, state: HostState) -> None:
        """Go back to a state."""
        self._state = HostState(state.rounds, dict(state.waiting), dict(state.results))

    def propagate(
        self, start: int | None = None, end: int | None = None, direction: PassDirection = "both"
    ) -> Iterator[VideoFrame]:
        """Play the rounds that wait; all frames come together at the end.

        Raises:
            DataError: There is nothing to play, or a range is asked for.
        """
        if end is not None or direction != "both":
            raise DataError(f"{self.host.name} rewrites all frames: it takes no range or direction")
        waiting = dict(self._state.waiting)
        if not waiting:
            raise DataError("draw at least one line first")
        order = [start] if start is not None and start in waiting else sorted(waiting)
        rounds = [(frame, self._lines(frame)) for frame in order]
        result = self._play((*self._state.rounds, *rounds))
        ids = tuple(range(1, self.host.num_objects + 1))
        for frame, labels in enumerate(result.masks):
            found = FrameOutput(labels, dict.fromkeys(ids, NO_BOX), result.probs[frame])
            self._layers.write("forward", frame, FrameResult.of(found))
        left = {frame: own for frame, own in waiting.items() if frame not in order}
        self._state = HostState(
            (*self._state.rounds, *rounds), left, dict(self._layers.tables["forward"])
        )
        for frame in range(len(self.frames)):
            yield self.output(frame)

    def is_done(self, frame: int) -> bool:
        """Whether a round has been played."""
        return frame in self._state.results

    def preview(self, frame: int) -> np.ndarray:
        """The result so far: hosts show lines only after a round."""
        return self.result(frame)

    def shown(self, frame: int) -> np.ndarray:
        """See ``preview``."""
        return self.result(frame)

    def result(self, frame: int, state: HostState | None = None) -> np.ndarray:
        """The labels of a frame, uint8 (H, W)."""
        self._check_frame(frame)
        found = self._layers.read((state or self._state).results.get(frame))
        return np.zeros(self.frames.shape, np.uint8) if found is None else found.labels

    def probabilities(self, frame: int) -> dict[int, np.ndarray]:
        """How sure the host is, float32 (H, W) by object."""
        found = self._layers.read(self._state.results.get(frame))
        if found is None:
            return {}
        planes = zip(found.object_ids, found.probabilities, strict=True)
        return {key: plane.astype(np.float32) / 255 for key, plane in planes}

    def output(self, frame: int) -> VideoFrame:
        """A frame with its result."""
        result = FrameOutput.of_labels(self.result(frame), self.object_ids)
        return VideoFrame(frame, self.frames[frame], result)

    def _lines(self, frame: int) -> tuple[ScribbleLine, ...]:
        return tuple(prompt_lines(self._state.waiting[frame], self.result(frame)))

    def _play(self, rounds: Sequence[Round]) -> RoundResult:
        """Bring the host to these rounds; what it has seen of them is not played again."""
        num_objects = max((line.object_id for _, lines in rounds for line in lines), default=1)
        known = len(self._played)
        if self._played != tuple(rounds[:known]) or num_objects != self._num_objects:
            self.host.start(self.frames, num_objects)
            known, self._played = 0, ()
        self._num_objects = 0  # after a failure the host must be restarted
        for place, (frame, lines) in enumerate(rounds[known:], known):
            earlier = [line for old, own in rounds[:place] if old == frame for line in own]
            given = [*earlier, *lines] if self.host.wants_all_scribbles else list(lines)
            self._result = self.host.interact(frame, given)
            self._played = tuple(rounds[: place + 1])
        self._num_objects = num_objects
        assert self._result is not None  # at least one round was played, now or before
        return self._result

    def _check_frame(self, frame: int) -> None:
        if not 0 <= frame < len(self.frames):
            raise DataError(f"there is no frame {frame}: the video has {len(self.frames)}")
