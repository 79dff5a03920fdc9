"""From the prompts of one frame to the masks of its objects."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.interactive.scribbles import ScribbleLine
from pytracking.evaluation.prompt_types import Point, Prompt
from pytracking.tracker.interactive.scribble_mask import ScribbleToMask
from pytracking.utils.box_mask import mask_from_box


def draw_prompts(
    image: np.ndarray,
    prompts: Mapping[int, Prompt],
    previous: np.ndarray | None,
    to_mask: ScribbleToMask,
    named: Collection[int] = (),
) -> dict[int, np.ndarray]:
    """Draw all objects that the prompts of a frame say something about.

    Masks win over boxes, an earlier box over a later one; lines and points refine both.

    Args:
        image: uint8 (H, W, 3) RGB.
        prompts: By object; 0 is the background.
        previous: uint8 (H, W), what is known of the frame; None before any result.
        to_mask: Turns lines into labels.
        named: Further objects whose masks are wanted.

    Returns:
        bool (H, W) by object; also objects that a line took pixels from. An object that was there
        may have none any more.

    Raises:
        DataError: Other objects cover one completely.
    """
    labels = np.zeros(image.shape[:2], np.uint8) if previous is None else previous.copy()
    _draw_areas(image, labels, prompts)
    before = labels.copy()
    lines = prompt_lines(prompts, labels)
    if lines:
        known = before if before.any() else None
        count = max(*(line.object_id for line in lines), int(before.max()), 1)
        labels = to_mask.segment(image, lines, known, count)
    present = {key for key in np.unique(np.stack([labels, before])).tolist() if key}
    touched = {key for key in present if ((labels == key) != (before == key)).any()}
    return {key: labels == key for key in sorted({*touched, *prompts, *named}) if key}


def _draw_areas(image: np.ndarray, labels: np.ndarray, prompts: Mapping[int, Prompt]) -> None:
    """Draw masks and boxes into ``labels``."""
    drawn = np.zeros(labels.shape, bool)
    masks = {key: p.mask != 0 for key, p in prompts.items() if p.mask is not None}
    boxes = {key: p.box for key, p in prompts.items() if p.mask is None and p.box is not None}
    for key in (*masks, *boxes):
        labels[labels == key] = 0
    for key, mask in masks.items():
        labels[mask] = key
        drawn |= mask
    for key, box in boxes.items():
        found = mask_from_box(image, box) & ~drawn
        labels[found] = key
        drawn |= found
    for key in (*masks, *boxes):
        if not (labels == key).any() and (key in boxes or masks[key].any()):
            raise DataError(f"object {key} is completely covered by other objects")


def prompt_lines(prompts: Mapping[int, Prompt], labels: np.ndarray) -> list[ScribbleLine]:
    """All lines of a frame, a click being a line of one point.

    Args:
        prompts: By object; 0 is the background.
        labels: uint8 (H, W), what is known: a negative click names what lies there instead.
    """
    lines: list[ScribbleLine] = []
    for key, prompt in prompts.items():
        lines += prompt.scribbles
        lines += [_line(point, key, labels) for point in prompt.points]
    return lines


def _line(point: Point, object_id: int, labels: np.ndarray) -> ScribbleLine:
    """A click; a negative one names what lies there instead."""
    height, width = labels.shape
    column, row = round(point.x), round(point.y)
    there = int(labels[row, column])
    marked = object_id if point.is_positive else (there if there != object_id else 0)
    # The middle of the pixel: fractions are cut off when lines are drawn.
    path = np.array([[(column + 0.5) / max(width - 1, 1), (row + 0.5) / max(height - 1, 1)]])
    return ScribbleLine(np.minimum(path, 1.0), marked)
