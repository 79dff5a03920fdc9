"""Features of boxes, and masks of boxes pasted back into the image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torchvision.ops import roi_align

from ltr.models.propose_reduce.boxes import STRIDES, inclusive

_SAMPLES = 2
_FINEST_SIDE = 56
_NUM_LEVELS = 4


def box_levels(boxes: torch.Tensor) -> torch.Tensor:
    """From which level (0 = P2 .. 3 = P5) the features of boxes (n, 4) are taken, int64 (n,)."""
    sides = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sqrt()
    return (sides / _FINEST_SIDE + 1e-6).log2().floor().clamp(0, _NUM_LEVELS - 1).long()


def align_boxes(
    pyramid: Sequence[torch.Tensor], boxes: Sequence[torch.Tensor], size: int
) -> torch.Tensor:
    """Sample the features of boxes on a grid.

    The sampling points are those of the first RoIAlign (no half-pixel offset, no smallest size),
    which is torchvision's aligned form for boxes moved by half a stride.

    Args:
        pyramid: P2..P5 (and more), each (images, C, h, w).
        boxes: Boxes of each image, float32 (n, 4).
        size: Cells a side.

    Returns:
        (sum n, C, size, size), image by image.
    """
    flat = torch.cat(list(boxes))
    images = [each.new_full((len(each), 1), number) for number, each in enumerate(boxes)]
    images_of_boxes = torch.cat(images)
    result = pyramid[0].new_zeros(len(flat), pyramid[0].shape[1], size, size)
    by_level = _places_by_level(box_levels(flat))
    for level, (stride, chosen) in enumerate(zip(STRIDES[:_NUM_LEVELS], by_level, strict=True)):
        moved = torch.cat([images_of_boxes[chosen], flat[chosen] + 0.5 * stride], dim=1)
        sampled = roi_align(pyramid[level], moved, size, 1 / stride, _SAMPLES, aligned=True)
        result = result.index_copy(0, chosen, sampled.to(result.dtype))
    return result


def _places_by_level(levels: torch.Tensor) -> Sequence[torch.Tensor]:
    """Places of every level in int64 (n,), ascending; their numbers are read at once."""
    numbers = torch.arange(_NUM_LEVELS, device=levels.device)
    counts = (levels[:, None] == numbers).sum(dim=0).tolist()
    return levels.argsort(stable=True).split(counts)


def paste_masks(
    masks: torch.Tensor, boxes: torch.Tensor, size: Sequence[int], threshold: float | None = 0.5
) -> torch.Tensor:
    """Enlarge masks to their boxes and put them on empty canvases.

    Args:
        masks: Probabilities (n, m, m).
        boxes: (n, 4); cut to whole pixels.
        size: Height and width of the image.
        threshold: Probability above which a pixel belongs to the mask; None keeps probabilities.

    Returns:
        float32 (n, height, width).
    """
    canvas = masks.new_zeros(len(masks), *size)
    for place, corners in enumerate(inclusive(boxes).trunc().long().tolist()):
        x1, y1, x2, y2 = corners
        height, width = max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1)
        mask = F.interpolate(masks[place][None, None], (height, width), mode="bilinear")[0, 0]
        if threshold is not None:
            mask = (mask > threshold).to(canvas.dtype)
        target = canvas[place, y1 : y1 + height, x1 : x1 + width]
        target.copy_(mask[: target.shape[0], : target.shape[1]])
    return canvas
