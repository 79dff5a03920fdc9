"""What a round of scribbles means to networks that segment objects one by one."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from ltr.data.interactive.scribbles import ScribbleLine, draw_scribbles

_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def blend_weights(
    frame: int, annotated: Sequence[int], num_frames: int
) -> tuple[int, int, list[float]]:
    """Weights of a new result: linear from 1 at its frame to 0 at the next annotated ones.

    Towards a side without an annotated frame the weight stays 1.

    Args:
        frame: The frame of this round.
        annotated: Those of earlier rounds.
        num_frames: Length of the video.

    Returns:
        The last frame of either side that a result reaches (an annotated one has weight 0), and
        the weight of every frame.

    >>> blend_weights(5, [2], 6)[2]
    [0.0, 0.0, 0.0, 0.33333333333333337, 0.6666666666666667, 1.0]
    """
    before = max((other for other in annotated if other < frame), default=None)
    after = min((other for other in annotated if other > frame), default=None)

    def weight(index: int) -> float:
        end = before if index < frame else after
        if index == frame or end is None:
            return 1.0
        return max(0.0, 1 - abs(index - frame) / abs(end - frame))

    first = 0 if before is None else before
    last = num_frames - 1 if after is None else after
    return first, last, [weight(index) for index in range(num_frames)]


def scribble_maps(
    scribbles: Sequence[ScribbleLine], objects: Sequence[int], was_object: np.ndarray
) -> list[torch.Tensor]:
    """Where scribbles mark each object and the background, float32 (objects, H, W) each.

    Marks of other objects count for nothing, those of the background only where the object was
    before.

    Args:
        scribbles: The lines of a frame.
        objects: Ids.
        was_object: bool (objects, H, W), masks of the last round.
    """
    positive, negative = [], []
    for number, was in zip(objects, was_object, strict=True):
        lines = [line for line in scribbles if line.object_id in (0, number)]
        marks = draw_scribbles(lines, was.shape)
        is_object = _thicken(marks == number)
        positive.append(is_object)
        negative.append(_thicken((marks == 0) & was) & ~is_object)
    return [torch.from_numpy(np.stack(maps).astype(np.float32)) for maps in (positive, negative)]


def _thicken(marks: np.ndarray) -> np.ndarray:
    return cv2.dilate(marks.astype(np.uint8), _CROSS, iterations=2).astype(bool)
