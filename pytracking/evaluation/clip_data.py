"""Clips without start masks as the runner sees them: found by a sentence, or by nothing at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytracking.evaluation.data import Sequence
from pytracking.tracker.clip import ClipPrompt
from pytracking.utils.clip_frames import FileFrames, LazyFrames

if TYPE_CHECKING:
    from pytracking.evaluation.clip_results import ClipForm


@dataclass(frozen=True)
class ClipSequence:
    """A video whose objects are not given by masks.

    Args:
        name: Of the video.
        dataset: Name of the data set, version and split.
        shape: Height and width in pixels.
        frames: All frames.
        form: In which form the results are written.
        texts: Sentences by the id of the expression.
        number: Id of the video in the data set's file, where it has one.
    """

    name: str
    dataset: str
    shape: tuple[int, int]
    frames: tuple[Path, ...]
    form: ClipForm
    texts: Mapping[str, str] = field(default_factory=dict)
    number: int | None = None

    @property
    def prompt(self) -> ClipPrompt:
        """What comes with the frames."""
        return ClipPrompt(tuple(self.texts.values()))

    def around_target(self, count: int) -> ClipSequence:
        """The clip with ``count`` frames around its target frame; itself where it has no target."""
        return self

    def open_frames(self) -> LazyFrames:
        """The frames, read when they are asked for."""
        return FileFrames(self.frames, self.shape)


def as_clip(sequence: Sequence | ClipSequence) -> ClipSequence:
    """The frames of any sequence without its masks; its results become label maps."""
    from pytracking.evaluation.clip_results import LABEL_MAPS

    if isinstance(sequence, ClipSequence):
        return sequence
    return ClipSequence(
        sequence.name, sequence.dataset, sequence.shape, sequence.frames, LABEL_MAPS
    )
