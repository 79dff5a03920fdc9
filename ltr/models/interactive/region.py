"""The region of interest around an object, as the quality network and IPN crop it.

Boxes are ``(y, x, height, width)``, centre and extent in pixels, pixel centres at whole numbers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

SIDE = 256  # of a region as the released networks see it, in pixels
_MIN_EXTENT, _MIN_EXTENT_ROWS = 128, 480  # pixels; in a frame of so many rows
_MARGIN = 0.25  # on each side, relative to the extent
_OUTSIDE = 5  # how far a region may leave the image, in pixels


def enclosing_box(is_object: torch.Tensor, min_extent: int = _MIN_EXTENT) -> torch.Tensor:
    """Find the region around the marked pixels; around the whole image where none is.

    Args:
        is_object: bool (N, H, W).
        min_extent: Smaller objects are seen as if they were so large, pixels.

    Returns:
        float32 (N, 4).
    """
    sides = [_extent(is_object.any(dim=other), min_extent) for other in (2, 1)]
    return torch.stack([part for pair in zip(*sides, strict=True) for part in pair], dim=1)


def min_extent_of(rows: int) -> int:
    """The least extent of an object that takes the same share of a frame with so many rows."""
    return round(_MIN_EXTENT * rows / _MIN_EXTENT_ROWS)


def _extent(is_marked: torch.Tensor, least: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Centre and length (N,) of the region along one axis; bool (N, length)."""
    length = is_marked.shape[1]
    marks = is_marked.to(torch.uint8)
    is_empty = ~is_marked.any(dim=1)
    low = marks.argmax(dim=1).masked_fill(is_empty, 0)
    high = (length - 1 - marks.flip(1).argmax(dim=1)).masked_fill(is_empty, length)
    half = (least - (high - low)).clamp(min=0) // 2
    low, high = (low - half).float(), (high + half).float()
    margin = _MARGIN * (high - low + 1)
    low = (low - margin).clamp(min=-_OUTSIDE)
    high = (high + margin).clamp(max=length + _OUTSIDE)
    return (high + low) / 2, high - low + 1


def crop_transform(boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The affine map (N, 2, 3) from a region's to the image's coordinates, both -1..1.

    Args:
        boxes: (N, 4).
        size: (H, W) of the image.
    """
    y, x, height, width = boxes.unbind(1)
    zero = torch.zeros_like(x)
    rows, columns = size[0] - 1, size[1] - 1
    horizontal = torch.stack([width / columns, zero, (2 * x - columns) / columns], dim=1)
    vertical = torch.stack([zero, height / rows, (2 * y - rows) / rows], dim=1)
    return torch.stack([horizontal, vertical], dim=1)


def inverse_transform(boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The way back from the image to the region, as IPN computes it.

    Scales divide by the image's size, not by its last index, so it is not quite the inverse.
    """
    forward = crop_transform(boxes, size)
    inverse = torch.zeros_like(forward)
    for axis, (extent, length) in enumerate(((boxes[:, 3], size[1]), (boxes[:, 2], size[0]))):
        inverse[:, axis, axis] = length / extent
        inverse[:, axis, 2] = -forward[:, axis, 2] / forward[:, axis, axis]
    return inverse


def crop_regions(maps: torch.Tensor, boxes: torch.Tensor, side: int = SIDE) -> torch.Tensor:
    """Cut regions out, bilinear, zeros outside the image: (N, C, H, W) -> (N, C, side, side)."""
    grid = crop_grid(boxes, (maps.shape[-2], maps.shape[-1]), side)
    return F.grid_sample(maps, grid, align_corners=True)


def paste_regions(
    regions: torch.Tensor, boxes: torch.Tensor, size: tuple[int, int]
) -> torch.Tensor:
    """Put regions back into images, zeros around them: (N, C, side, side) -> (N, C, H, W)."""
    return F.grid_sample(regions, paste_grid(boxes, size), align_corners=True)


def crop_grid(boxes: torch.Tensor, size: tuple[int, int], side: int = SIDE) -> torch.Tensor:
    """Where a region's pixels lie in the image, (N, side, side, 2)."""
    shape = [len(boxes), 1, side, side]
    return F.affine_grid(crop_transform(boxes, size), shape, align_corners=True)


def paste_grid(boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Where an image's pixels lie in the region, (N, H, W, 2)."""
    shape = [len(boxes), 1, *size]
    return F.affine_grid(inverse_transform(boxes, size), shape, align_corners=True)
