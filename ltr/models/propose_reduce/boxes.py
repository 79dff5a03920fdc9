"""Boxes of the detector: anchors, deltas, clipping.

Boxes are half-open, ``(x1, y1, x2, y2)`` with width ``x2 - x1``. Files of upstream hold inclusive
ones (width ``x2 - x1 + 1``): ``half_open`` and ``inclusive`` convert at the borders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

STRIDES = (4, 8, 16, 32, 64)
RPN_STDS = (1.0, 1.0, 1.0, 1.0)
BOX_STDS = (0.1, 0.1, 0.2, 0.2)

_SCALE = 8
_RATIOS = (0.5, 1.0, 2.0)  # height over width
_MAX_LOG_RATIO = abs(math.log(16 / 1000))


def half_open(boxes: torch.Tensor) -> torch.Tensor:
    """Inclusive boxes (..., 4) in half-open form.

    >>> half_open(torch.tensor([-14, -14, 17, 17])).tolist()
    [-14, -14, 18, 18]
    """
    return boxes + boxes.new_tensor([0, 0, 1, 1])


def inclusive(boxes: torch.Tensor) -> torch.Tensor:
    """Half-open boxes (..., 4) in inclusive form."""
    return boxes - boxes.new_tensor([0, 0, 1, 1])


def base_anchors(stride: int) -> torch.Tensor:
    """The anchors of the upper left cell, one a ratio, float32 (3, 4).

    They are rounded in the inclusive form, as the released networks were trained.
    """
    centre = 0.5 * (stride - 1)
    roots = torch.tensor(_RATIOS).sqrt()
    halves = torch.stack([stride * (1 / roots) * _SCALE, stride * roots * _SCALE], dim=1)
    halves = 0.5 * (halves - 1)
    return half_open(torch.cat([centre - halves, centre + halves], dim=1).round())


def grid_anchors(
    size: Sequence[int], stride: int, device: torch.device | None = None
) -> torch.Tensor:
    """The anchors of a level.

    Args:
        size: Height and width of its feature map.
        stride: Pixels between two cells.
        device: Device of the result.

    Returns:
        float32 (height * width * 3, 4), ordered by row, column, ratio.
    """
    height, width = size
    rows = torch.arange(height, device=device) * stride
    columns = torch.arange(width, device=device) * stride
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    shifts = torch.stack([x, y, x, y], dim=-1).reshape(-1, 1, 4)
    return (shifts + base_anchors(stride).to(shifts.device)).reshape(-1, 4)


def level_anchors(levels: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The anchors of every level, from maps of their sizes."""
    return [
        grid_anchors(level.shape[-2:], stride, level.device)
        for level, stride in zip(levels, STRIDES, strict=True)
    ]


def decode(deltas: torch.Tensor, boxes: torch.Tensor, stds: Sequence[float]) -> torch.Tensor:
    """Move and scale boxes.

    Args:
        deltas: (..., 4), shift of the centre in box sizes and log scale, divided by ``stds``.
        boxes: (..., 4).
        stds: Standard deviations by which the four deltas are normalised.
    """
    shift, scale = (deltas * deltas.new_tensor(stds)).split(2, dim=-1)
    sizes = boxes[..., 2:] - boxes[..., :2]
    centres = (boxes[..., :2] + boxes[..., 2:]) * 0.5 + sizes * shift
    halves = 0.5 * sizes * scale.clamp(-_MAX_LOG_RATIO, _MAX_LOG_RATIO).exp()
    return torch.cat([centres - halves, centres + halves], dim=-1)


def encode(targets: torch.Tensor, boxes: torch.Tensor, stds: Sequence[float]) -> torch.Tensor:
    """The deltas that ``decode`` turns ``boxes`` into ``targets`` with, (..., 4)."""
    sizes = boxes[..., 2:] - boxes[..., :2]
    wanted = targets[..., 2:] - targets[..., :2]
    shift = (targets[..., :2] + targets[..., 2:] - boxes[..., :2] - boxes[..., 2:]) * 0.5 / sizes
    deltas = torch.cat([shift, (wanted / sizes).log()], dim=-1)
    return deltas / deltas.new_tensor(stds)


def clip(boxes: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Keep boxes (..., 4) inside an image of ``size`` (height, width), at least one pixel wide."""
    height, width = size
    lowest = boxes.new_tensor([0, 0, 1, 1])
    highest = boxes.new_tensor([width - 1, height - 1, width, height])
    return torch.minimum(torch.maximum(boxes, lowest), highest)
