"""What can be wrong with a prompt, in one sentence each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.palette import VOID
from pytracking.evaluation.prompt_types import Point, Prompt
from pytracking.utils.box_mask import inside_frame


def check_prompt(prompt: Prompt, size: tuple[int, int]) -> None:
    """Refuse a prompt that cannot be used on any frame.

    Args:
        prompt: With an id.
        size: (width, height) of the frames.

    Raises:
        DataError: Empty, outside the frame, of another size, or with an impossible id.
    """
    key = prompt.object_id
    if key is not None and not 0 <= key < VOID:
        raise DataError(f"object ids lie between 1 and {VOID - 1}, got {key}")
    if prompt.is_empty:
        raise DataError("a prompt needs a mask, a box, a point, a scribble or a text")
    if key == 0 and (prompt.mask is not None or prompt.box is not None):
        raise DataError("the background (object 0) takes points and scribbles only")
    if prompt.mask is not None and prompt.mask.shape != size[::-1]:
        height, width = prompt.mask.shape[:2]
        raise DataError(f"the mask is {width}x{height}, its frame {size[0]}x{size[1]}")
    if prompt.box is not None:
        inside_frame(prompt.box, size)
    for point in prompt.points:
        _check_point(point, size)
    for line in prompt.scribbles:
        if line.object_id not in (0, key):
            raise DataError(f"a prompt for object {key} has a line of object {line.object_id}")


def check_start(prompt: Prompt) -> None:
    """Refuse a first prompt that does not say where its object is.

    Raises:
        DataError: It only says where the object is not, or its mask has no pixel.
    """
    is_shown = any(point.is_positive for point in prompt.points)
    is_shown |= any(line.object_id for line in prompt.scribbles)
    if prompt.mask is not None and not prompt.mask.any():
        raise DataError(f"the mask of object {prompt.object_id} has no pixel")
    if prompt.mask is None and prompt.box is None and not is_shown:
        raise DataError(
            f"object {prompt.object_id} needs a positive point, a line, a box or a mask first"
        )


def check_conflicts(prompts: Mapping[int, Prompt]) -> None:
    """Refuse points of one frame that contradict each other.

    Args:
        prompts: All prompts of the frame, by object.

    Raises:
        DataError: One pixel is said to be on an object and off it, or on two objects.
    """
    owners: dict[tuple[int, int], int] = {}
    for key, prompt in prompts.items():
        signs: dict[tuple[int, int], bool] = {}
        for point in prompt.points:
            place = (round(point.x), round(point.y))
            where = f"{place[0]},{place[1]}"
            if signs.setdefault(place, point.is_positive) != point.is_positive:
                raise DataError(f"object {key} has a positive and a negative point at {where}")
            if point.is_positive and owners.setdefault(place, key) != key:
                raise DataError(f"objects {owners[place]} and {key} have a point at {where}")


def _check_point(point: Point, size: tuple[int, int]) -> None:
    width, height = size
    where = f"{point.x:g},{point.y:g}"
    if not np.isfinite((point.x, point.y)).all():
        raise DataError(f"the point {where} is not made of numbers")
    if not (0 <= point.x <= width - 1 and 0 <= point.y <= height - 1):
        raise DataError(f"the point {where} lies outside the {width}x{height} frame")
