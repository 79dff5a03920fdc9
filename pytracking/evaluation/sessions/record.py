"""What a session knows without a tracker: frames, prompts, and the results of its passes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.palette import VOID
from pytracking.evaluation.prompt_types import Prompt
from pytracking.evaluation.prompting.checks import check_conflicts, check_prompt, check_start
from pytracking.evaluation.prompting.drawing import draw_prompts
from pytracking.evaluation.sessions.files import read_session, write_session
from pytracking.evaluation.sessions.layers import (
    DIRECTIONS,
    Direction,
    FrameResult,
    Layers,
    Table,
    join_probabilities,
    join_results,
)
from pytracking.evaluation.sessions.prompts import (
    FramePrompts,
    anchors,
    copied,
    objects_of,
)
from pytracking.evaluation.stepper import VideoFrame
from pytracking.tracker.base import FrameOutput
from pytracking.tracker.interactive.blending import forward_share
from pytracking.tracker.interactive.scribble_mask import ScribbleToMask
from pytracking.utils.video_reader import VideoLike, open_frames

Record = TypeVar("Record", bound="SessionRecord")


@dataclass(frozen=True)
class SessionState:
    """A state of a session to which it can go back; small, since results stay on disk."""

    prompts: dict[int, FramePrompts]
    tables: dict[Direction, Table]


class SessionRecord:
    """Prompts and results of one video.

    Args:
        frames: See ``VideoSession``.
        to_mask: Turns points and scribbles into masks.

    Raises:
        DataError: The video cannot be read.
    """

    def __init__(self, frames: VideoLike | Sequence[np.ndarray], to_mask: ScribbleToMask) -> None:
        self._to_mask = to_mask
        self._prompts: dict[int, FramePrompts] = {}
        self._removed: set[int] = set()
        with ExitStack() as stack:
            self.frames = stack.enter_context(open_frames(frames, is_stream=True))
            self._layers = Layers(self.frames[0].shape[:2])
            stack.callback(self._layers.close)
            self._resources = stack.pop_all()

    def __enter__(self: Record) -> Record:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop frames and results."""
        self._resources.close()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the frames."""
        height, width = self._layers.shape
        return width, height

    @property
    def object_ids(self) -> tuple[int, ...]:
        """All objects that have a prompt, ascending."""
        return objects_of(self._prompts)

    @property
    def annotated(self) -> tuple[int, ...]:
        """The frames that have a prompt, ascending."""
        return tuple(sorted(self._prompts))

    @property
    def new_frames(self) -> tuple[int, ...]:
        """The frames with prompts that no pass has used, ascending."""
        return tuple(frame for frame in self.annotated if self._prompts[frame].is_new)

    def all_prompts(self) -> dict[int, dict[int, Prompt]]:
        """What was said, by frame and object."""
        return {frame: self.prompts(frame) for frame in self.annotated}

    def prompts(self, frame: int) -> dict[int, Prompt]:
        """What was said about a frame, by object."""
        entry = self._prompts.get(frame)
        return {} if entry is None else dict(entry.prompts)

    def add(self, frame: int, prompt: Prompt | np.ndarray) -> tuple[int, ...]:
        """Name new objects.

        Args:
            frame: Index of the frame, from 0.
            prompt: One object, or a label map uint8 (H, W) of several.

        Returns:
            Their ids.

        Raises:
            DataError: There is no such frame, the object is there already, or the prompt is bad.
        """
        prompts = [prompt] if isinstance(prompt, Prompt) else _split_labels(prompt)
        prompts = [self._with_id(p, number) for number, p in enumerate(prompts)]
        for own in prompts:
            self._check(frame, own)
            known = set(self.object_ids) - set(self.prompts(frame))
            if own.object_id in known:
                raise DataError(f"object {own.object_id} is there already: correct it instead")
            check_start(self.prompts(frame).get(_id(own), own).joined(own))
        self._store(frame, prompts)
        return tuple(_id(own) for own in prompts)

    def correct(self, frame: int, prompt: Prompt) -> None:
        """Say more about an object that is there already, or about the background (id 0).

        Raises:
            DataError: There is no such frame or object, or the prompt is bad.
        """
        self._check(frame, prompt)
        if prompt.object_id and prompt.object_id not in self.object_ids:
            known = ", ".join(map(str, self.object_ids)) or "none"
            raise DataError(f"there is no object {prompt.object_id}: the session has {known}")
        if not self.object_ids:
            raise DataError("the first prompt must name an object, not the background")
        self._store(frame, [prompt])

    def remove(self, object_id: int) -> None:
        """Forget an object: its prompts, its results, and the tracker's memory of it.

        Raises:
            DataError: There is no such object.
        """
        if object_id not in self.object_ids:
            raise DataError(f"there is no object {object_id} to remove")
        for frame, entry in list(self._prompts.items()):
            entry.prompts.pop(object_id, None)
            if entry.masks is not None:
                entry.masks.pop(object_id, None)
            if not entry.prompts and not entry.masks:
                del self._prompts[frame]
        self._removed.add(object_id)

    def reset(self) -> None:
        """Forget all objects and results; the frames stay."""
        self._removed.update(self.object_ids)
        self._prompts.clear()
        for direction in DIRECTIONS:
            self._layers.tables[direction].clear()

    def save_state(self) -> SessionState:
        """The present state, for ``restore_state``."""
        return SessionState(copied(self._prompts), self._layers.copy_tables())

    def restore_state(self, state: SessionState) -> None:
        """Go back to a state of this session."""
        self._removed.update(set(self.object_ids) - set(objects_of(state.prompts)))
        self._prompts = copied(state.prompts)
        self._layers.tables = {d: dict(table) for d, table in state.tables.items()}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write prompts and results into one file; the video itself is not in it.

        Raises:
            OutputError: It cannot be written.
        """
        write_session(Path(path), self._prompts, self._layers, self.frames[0])

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take up a session that ``save`` wrote, instead of what is here.

        Raises:
            DataError: It is missing, damaged, or of another video; nothing is changed then.
        """
        layers = Layers(self._layers.shape)
        try:
            prompts = read_session(Path(path), layers, self.frames[0])
            for frame in (*prompts, *layers.tables["forward"], *layers.tables["backward"]):
                self._check_frame(frame)
        except DataError:
            layers.close()
            raise
        self.reset()
        self._prompts = prompts
        self._layers.close()
        self._layers = layers
        self._resources.callback(layers.close)

    def preview(self, frame: int) -> np.ndarray:
        """The mask of one frame at once: its result so far, with its prompts drawn over it.

        Returns:
            uint8 (H, W).

        Raises:
            DataError: There is no such frame, or other objects cover one completely.
        """
        labels = self.result(frame)
        if frame not in self._prompts:
            return labels
        return draw_over(labels, self._drawn(frame))

    def shown(self, frame: int) -> np.ndarray:
        """Like ``preview``, but prompts that were not drawn yet are left out; draws nothing."""
        entry = self._prompts.get(frame)
        labels = self.result(frame)
        if entry is None or not entry.is_new or entry.masks is None:
            return labels
        return draw_over(labels, entry.masks)

    def result(self, frame: int, state: SessionState | None = None) -> np.ndarray:
        """What the passes so far say of a frame, both directions joined.

        Args:
            frame: Index of the frame.
            state: An earlier state of this session; None is the present one.

        Returns:
            uint8 (H, W).
        """
        results, shares = self._passes(frame, state)
        return join_results(results, shares, self._layers.shape)

    def probabilities(self, frame: int) -> dict[int, np.ndarray]:
        """How sure the passes so far are of a frame, float32 (H, W) by object, 0..1."""
        return join_probabilities(*self._passes(frame, None), self._layers.shape)

    def _passes(
        self, frame: int, state: SessionState | None
    ) -> tuple[dict[Direction, FrameResult | None], dict[int, float]]:
        """What each direction says of a frame, and the forward pass's share in every object."""
        self._check_frame(frame)
        tables = self._layers.tables if state is None else state.tables
        prompts = self._prompts if state is None else state.prompts
        results = {d: self._layers.read(tables[d].get(frame)) for d in DIRECTIONS}
        shares = {key: forward_share(frame, anchors(prompts, key)) for key in objects_of(prompts)}
        return results, shares

    def is_done(self, frame: int) -> bool:
        """Whether a pass has reached a frame."""
        return any(frame in self._layers.tables[direction] for direction in DIRECTIONS)

    def output(self, frame: int) -> VideoFrame:
        """A frame with its result; an absent object has the box -1."""
        labels = self.result(frame)
        output = FrameOutput.of_labels(labels, self.object_ids)
        return VideoFrame(frame, self.frames[frame], output)

    def _given(self, frame: int) -> dict[int, np.ndarray]:
        """The masks that prompts give on a frame, by object."""
        return self._drawn(frame) if frame in self._prompts else {}

    def _drawn(self, frame: int) -> dict[int, np.ndarray]:
        entry = self._prompts[frame]
        if entry.masks is None:
            previous = self.result(frame) if self.is_done(frame) else None
            image, named = self.frames[frame], entry.named.intersection(self.object_ids)
            entry.masks = draw_prompts(image, entry.prompts, previous, self._to_mask, named)
        return entry.masks

    def _store(self, frame: int, prompts: Sequence[Prompt]) -> None:
        entry = self._prompts.get(frame, FramePrompts())
        joined = dict(entry.prompts)
        for prompt in prompts:
            known = joined.get(_id(prompt), Prompt(prompt.object_id))
            joined[_id(prompt)] = known.joined(prompt)
        check_conflicts(joined)
        self._prompts[frame] = FramePrompts(joined, entry.named.union(entry.masks or ()))

    def _with_id(self, prompt: Prompt, number: int) -> Prompt:
        if prompt.object_id is not None:
            return prompt
        free = [key for key in range(1, VOID) if key not in self.object_ids]
        if number >= len(free):
            raise DataError(f"a video holds at most {VOID - 1} objects")
        return replace(prompt, object_id=free[number])

    def _check(self, frame: int, prompt: Prompt) -> None:
        self._check_frame(frame)
        if prompt.is_searched:
            raise DataError("a text is searched in the whole video: see find_objects")
        check_prompt(prompt, self.size)

    def _check_frame(self, frame: int) -> None:
        if frame < 0 or not self.frames.reaches(frame):
            raise DataError(f"there is no frame {frame}: the video has {len(self.frames)}")


def _id(prompt: Prompt) -> int:
    assert prompt.object_id is not None  # given by ``_with_id``
    return prompt.object_id


def _split_labels(labels: np.ndarray) -> list[Prompt]:
    ids = [key for key in np.unique(labels).tolist() if 0 < key < VOID]
    if not ids:
        raise DataError("a prompt mask holds no object: every pixel is 0 or 255")
    return [Prompt(key, mask=labels == key) for key in ids]


def draw_over(labels: np.ndarray, masks: dict[int, np.ndarray]) -> np.ndarray:
    """Labels in which some objects have new masks, uint8 (H, W)."""
    drawn = np.where(np.isin(labels, list(masks)), 0, labels).astype(np.uint8)
    for key, mask in masks.items():
        drawn[mask] = key
    return drawn
