"""What was said about the frames of a session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pytracking.evaluation.prompt_types import Prompt


@dataclass
class FramePrompts:
    """What was said about one frame.

    Args:
        prompts: By object; 0 is the background.
        named: Objects that earlier prompts of the frame changed.
        masks: bool (H, W) by object, once drawn; see ``draw_prompts``.
        is_new: Whether no pass has used them yet.
    """

    prompts: dict[int, Prompt] = field(default_factory=dict)
    named: frozenset[int] = frozenset()
    masks: dict[int, np.ndarray] | None = None
    is_new: bool = True


def objects_of(prompts: Mapping[int, FramePrompts]) -> tuple[int, ...]:
    """All objects that have a prompt, ascending."""
    drawn = {key for entry in list(prompts.values()) for key in entry.masks or entry.prompts}
    return tuple(sorted(drawn - {0}))


def anchors(prompts: Mapping[int, FramePrompts], object_id: int) -> list[int]:
    """The frames with a prompt for an object that a pass has used."""
    return [
        frame
        for frame, entry in list(prompts.items())
        if not entry.is_new and object_id in (entry.masks or ())
    ]


def copied(prompts: Mapping[int, FramePrompts]) -> dict[int, FramePrompts]:
    """A copy that later changes do not reach; the pixels are shared, as nobody changes them."""
    return {
        frame: replace(
            entry,
            prompts=dict(entry.prompts),
            masks=None if entry.masks is None else dict(entry.masks),
        )
        for frame, entry in prompts.items()
    }
