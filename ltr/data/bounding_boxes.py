"""Boxes of masks, and their random displacement.

A box is float32 ``(x, y, width, height)`` in pixels. A box around pixels contains their extremes:
one pixel has width 1, but 0 in evaluation (``measure_objects``). The coordinates are those of pixel
indices.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ltr.data.palette import VOID

if TYPE_CHECKING:
    import torch

Box = tuple[float, float, float, float]
"""Left, top, width and height in pixels."""

NO_BOX: Box = (-1.0, -1.0, -1.0, -1.0)
"""Box of an object that is not seen."""

BoxForm = Literal["xywh", "centre", "corners"]


def as_box(sides: Iterable[float]) -> Box:
    """A box of four numbers of any type: x, y, width, height."""
    x, y, width, height = map(float, sides)
    return x, y, width, height


def box_of_mask(mask: np.ndarray, form: BoxForm = "xywh") -> np.ndarray:
    """Find the box of all labelled pixels.

    Args:
        mask: (H, W), labelled where not 0.
        form: ``xywh``: left, top, width, height; ``centre``: x and y of the centre, width, height;
            ``corners``: the extreme pixels x0, y0, x1, y1.

    Returns:
        float32 (4,). An empty mask has its only pixel at (0, 0), as upstream.

    >>> box_of_mask(np.eye(3)[:2]).tolist()
    [0.0, 0.0, 2.0, 2.0]
    """
    x0, x1 = _extremes(np.logical_or.reduce(mask, axis=0))
    y0, y1 = _extremes(np.logical_or.reduce(mask, axis=1))
    width, height = x1 - x0 + 1, y1 - y0 + 1
    values = {
        "xywh": (x0, y0, width, height),
        "centre": (x0 + 0.5 * width, y0 + 0.5 * height, width, height),
        "corners": (x0, y0, x1, y1),
    }
    return np.array(values[form], dtype=np.float32)


def measure_objects(labels: np.ndarray) -> dict[int, tuple[int, tuple[int, int, int, int]]]:
    """Measure every object of a label map.

    Args:
        labels: uint8 (H, W); 0 and 255 are not objects.

    Returns:
        By id: number of pixels and box ``(x0, y0, x1 - x0, y1 - y0)`` between the extreme pixels,
        so an object of one column has width 0.

    >>> measure_objects(np.array([[0, 7, 7], [0, 7, 255]], np.uint8))
    {7: (3, (1, 0, 1, 1))}
    """
    counts = np.bincount(labels.ravel(), minlength=VOID + 1)
    objects = {}
    for label in np.flatnonzero(counts[:VOID]).tolist():
        if label:
            is_object = labels == label
            x0, x1 = np.flatnonzero(is_object.any(axis=0))[[0, -1]].tolist()
            y0, y1 = np.flatnonzero(is_object.any(axis=1))[[0, -1]].tolist()
            objects[label] = (int(counts[label]), (x0, y0, x1 - x0, y1 - y0))
    return objects


def _extremes(is_labelled: np.ndarray) -> tuple[int, int]:
    """First and last index of True, (0, 0) without any."""
    first = int(is_labelled.argmax())
    last = len(is_labelled) - 1 - int(is_labelled[::-1].argmax())
    return (first, last) if is_labelled[first] else (0, 0)


@dataclass(frozen=True)
class BoxJitter:
    """How far a box is moved and scaled at random.

    Args:
        scale: Change of the logarithm of width and height: standard deviation (``gauss``) or limit
            (``uniform``).
        centre: Range of the displacement, in units of the square root of the box's new area; one
            number, or one for x and one for y.
        mode: Distribution of the scale.
    """

    scale: float
    centre: float | tuple[float, float]
    mode: Literal["gauss", "uniform"] = "gauss"

    def draw(self, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw for one box: two logarithms of scales, and two displacements in -0.5..0.5."""
        import torch

        if self.mode == "gauss":
            log_scales = torch.randn(2, generator=generator) * self.scale
        else:
            log_scales = (torch.rand(2, generator=generator) * 2.0 - 1.0) * self.scale
        offsets = torch.rand(2, generator=generator) - 0.5
        return log_scales.numpy(), offsets.numpy()

    def apply(self, box: np.ndarray, log_scales: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Scale and move a box (4,) by what was drawn."""
        size = box[2:] * np.exp(log_scales)
        reach = np.sqrt(size.prod()) * np.asarray(self.centre, dtype=np.float32)
        centre = box[:2] + 0.5 * box[2:] + reach * offsets
        return np.concatenate([centre - 0.5 * size, size]).astype(np.float32)

    def __call__(self, box: np.ndarray, generator: torch.Generator) -> np.ndarray:
        """Displace a box (4,) at random."""
        return self.apply(box, *self.draw(generator))
