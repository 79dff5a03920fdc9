"""Moving a neighbour's mask by the similarity of pixels (ATNet, local transfer)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F

_REACH, _STEP = 8, 2  # largest displacement and its step, in pixels of the maps
_RUN = 16  # pixels of a row that are compared at once
_INSIDE = 0.999  # sampled share of the neighbour from which a pixel counts as inside


def _displacements() -> Iterator[tuple[int, int]]:
    """All (dx, dy), dx fastest."""
    steps = range(-_REACH, _REACH + 1, _STEP)
    return ((dx, dy) for dy in steps for dx in steps)


def correlate(target: torch.Tensor, neighbour: torch.Tensor) -> torch.Tensor:
    """Compare every pixel with the neighbour's pixels around it.

    Args:
        target: (N, C, H, W).
        neighbour: (N, C, H, W).

    Returns:
        (N, 81, H, W), mean products over the channels; 0 outside the neighbour.
    """
    pairs = zip(target, neighbour, strict=True)
    return torch.stack([_correlate_frame(own, other) for own, other in pairs])


def _correlate_frame(target: torch.Tensor, neighbour: torch.Tensor) -> torch.Tensor:
    """Compare (C, H, W) and (C, H, W) in small matrix products, (81, H, W).

    The rows are cut into runs of ``_RUN`` pixels. Run by run all pixels are multiplied with all of
    the neighbour's pixels that are near any of them; what belongs to a displacement lies on a
    diagonal of the products. A run reads beyond the end of its row into the zeros that begin the
    next one, so the runs of all rows lie at equal distances in memory.
    """
    channels, height, width = target.shape
    runs = -(-(width + _REACH) // _RUN)
    row, wide = runs * _RUN, _RUN + 2 * _REACH
    pixels = target.new_zeros(height, row, channels)
    pixels[:, :width] = target.permute(1, 2, 0)
    around = neighbour.new_zeros(height + 2 * _REACH + 1, row, channels)
    inside = slice(_REACH, _REACH + height), slice(_REACH, _REACH + width)
    around[inside] = neighbour.permute(1, 2, 0)
    steps = 2 * _REACH // _STEP + 1
    found = target.new_empty(steps, steps, height, width)
    for index, maps in enumerate(found):
        first = index * _STEP * row * channels
        windows = around.as_strided(
            (height * runs, channels, wide), (_RUN * channels, 1, channels), first
        )
        products = pixels.view(-1, _RUN, channels) @ windows
        diagonals = products.as_strided(
            (height, runs, _RUN, steps), (runs * _RUN * wide, _RUN * wide, wide + 1, _STEP)
        )
        maps.copy_(diagonals.flatten(1, 2)[:, :width].permute(2, 0, 1))
    return found.flatten(0, 1) / channels


def exchange(similarity: torch.Tensor) -> torch.Tensor:
    """Turn the comparison of a frame with its neighbour into that of the neighbour with the frame.

    Args:
        similarity: (N, 81, H, W), of ``correlate``.

    Returns:
        (N, 81, H, W); every product moved to its other end.
    """
    height, width = similarity.shape[-2:]
    exchanged = torch.zeros_like(similarity)
    for index, (dx, dy) in enumerate(_displacements()):
        (own_rows, rows), (own_columns, columns) = _overlap(height, dy), _overlap(width, dx)
        source = similarity[:, -1 - index, rows, columns]
        exchanged[:, index, own_rows, own_columns] = source
    return exchanged


def _overlap(length: int, step: int) -> tuple[slice, slice]:
    """Places from which a step stays inside, and where it leads."""
    first, last = max(0, -step), max(0, -step, min(length, length - step))
    return slice(first, last), slice(first + step, last + step)


def transfer(weights: torch.Tensor, masks: torch.Tensor, align_corners: bool) -> torch.Tensor:
    """Sum a neighbour's mask over all displacements.

    Args:
        weights: (N or 1, 81, H, W), of ``correlate`` after a softmax.
        masks: (N, 1, H, W).
        align_corners: Whether sampling positions lie on the pixels. Upstream places them so, but
            newer versions of PyTorch read them otherwise.

    Returns:
        (N, 1, H, W).
    """
    height, width = masks.shape[-2:]
    if align_corners:
        padded = F.pad(masks, (_REACH,) * 4)
        moved = (
            padded[..., _REACH + dy :, _REACH + dx :][..., :height, :width]
            for dx, dy in _displacements()
        )
    else:
        moved = (_sample(masks, dx, dy) for dx, dy in _displacements())
    total = torch.zeros_like(masks)
    for index, values in enumerate(moved):
        total += weights[:, index : index + 1] * values
    return total


def _sample(masks: torch.Tensor, dx: int, dy: int) -> torch.Tensor:
    """A mask at displaced positions, 0 where these leave it."""
    height, width = masks.shape[-2:]
    y = 2 * (torch.arange(height, device=masks.device) + dy) / (height - 1) - 1
    x = 2 * (torch.arange(width, device=masks.device) + dx) / (width - 1) - 1
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    grid = torch.stack([columns, rows], dim=2)[None].to(masks.dtype)
    ones = masks.new_ones(1, 1, height, width)
    is_inside = F.grid_sample(ones, grid, align_corners=False) >= _INSIDE
    grid = grid.expand(len(masks), -1, -1, -1)
    values = F.grid_sample(masks, grid, padding_mode="border", align_corners=False)
    return values * is_inside
