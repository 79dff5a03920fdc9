"""ATNet's inputs and schedule: padding, scribble maps, and how far a round reaches."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch

from ltr.data.interactive.scribbles import ScribbleLine, join_points
from ltr.models.layers.aggregation import largest_channel

_MULTIPLE = 32  # of which padded sides are multiples
_DISK = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
_BLUR_SIZE, _BLUR_SIGMA = (5, 5), 6.0
_UNKNOWN = 0.5  # previous mask of the first round

Padding = tuple[tuple[int, int], tuple[int, int]]


def plan_padding(size: tuple[int, int]) -> Padding:
    """Pixels before and after, for rows and columns; a side that fits already gets a full step.

    >>> plan_padding((480, 854))
    ((16, 16), (5, 5))
    """
    missing = [_MULTIPLE - side % _MULTIPLE for side in size]
    rows, columns = ((count // 2, count - count // 2) for count in missing)
    return rows, columns


def pad(values: np.ndarray, padding: Padding) -> np.ndarray:
    """Reflect rows and columns (the first two axes) at their ends."""
    rest = ((0, 0),) * (values.ndim - 2)
    return np.pad(values, (*padding, *rest), mode="reflect")


def plan_sweep(
    frame: int, annotated: Sequence[int], num_frames: int, proportion: float
) -> tuple[int, int]:
    """First and last frame that a round rewrites.

    Args:
        frame: The frame of the round.
        annotated: Those of all rounds.
        num_frames: Length of the video.
        proportion: Share of the way to the next annotated frame.

    >>> plan_sweep(45, [10, 80], 120, 0.99)
    (11, 79)
    """
    first = max((other + 1 for other in annotated if other < frame), default=0)
    last = min((other - 1 for other in annotated if other > frame), default=num_frames - 1)
    if first:
        first = frame - int((frame - first) * proportion + 0.5)
    if last != num_frames - 1:
        last = frame + int((last - frame) * proportion + 0.5)
    return first, last


def blend_weight(index: int, frame: int, annotated: Sequence[int]) -> float:
    """Weight of a new result at ``index``: 1 beside its frame, 1/2 beside the next annotated one.

    Where no frame is annotated on that side the weight is 1.
    """
    if index < frame:
        end = max((other for other in annotated if other < frame), default=None)
    else:
        end = min((other for other in annotated if other > frame), default=None)
    return 1.0 if end is None else 0.5 + 0.5 * (index - end) / (frame - end)


def annotation_maps(
    lines: Sequence[ScribbleLine], object_id: int, labels: np.ndarray | None, size: tuple[int, int]
) -> np.ndarray:
    """What the annotation network sees of an object besides the frame.

    Args:
        lines: All lines on the frame.
        object_id: The object.
        labels: uint8 (H, W), masks of the last round; None in the first.
        size: (H, W).

    Returns:
        float32 (3, H, W): previous mask, lines of the object, and lines of others on it.
    """
    positive = _blurred([line for line in lines if line.object_id == object_id], size)
    if labels is None:
        before, negative = np.full(size, _UNKNOWN), np.zeros(size)
    else:
        before = labels == object_id
        others = [line for line in lines if line.object_id != object_id]
        negative = _blurred(others, size) * before
    return np.stack([before, positive, negative]).astype(np.float32)


def _blurred(lines: Sequence[ScribbleLine], size: tuple[int, int]) -> np.ndarray:
    """Thick soft lines, float64 (H, W)."""
    height, width = size
    marks: np.ndarray = np.zeros(size)
    for line in lines:
        x, y = join_points(np.round(line.path * (width, height)).astype(int)).T
        marks[y - 1, x - 1] = 1  # a line at the upper or left end wraps around, as upstream
    if lines:
        marks = cv2.dilate(marks, _DISK)
    return cv2.GaussianBlur(marks, _BLUR_SIZE, _BLUR_SIGMA)


def label_by_threshold(probabilities: torch.Tensor, threshold: float) -> torch.Tensor:
    """The most probable object where it exceeds the threshold, the first of equal ones.

    Args:
        probabilities: (..., objects, H, W).
        threshold: Probability above which a pixel belongs to an object, 0..1.

    Returns:
        uint8 (..., H, W).
    """
    best = largest_channel(probabilities.movedim(-3, 0))
    return torch.where(probabilities.amax(dim=-3) > threshold, best + 1, 0).to(torch.uint8)
