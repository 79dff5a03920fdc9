"""What was said about the frames of a session."""

from __future__ import annotations

from dataclasses import dataclass, field

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
