"""Reading weighted points of maps of several resolutions: the core of deformable attention.

The form for GPUs with the same signature is in ``deformable_kernel.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F

MapSizes = Sequence[tuple[int, int]]  # height and width of each level
_POINTS_AT_ONCE = 1 << 16  # of one core, so that what is known of them stays in its cache
Sampler = Callable[[torch.Tensor, MapSizes, torch.Tensor, torch.Tensor], torch.Tensor]


def sample_points(
    values: torch.Tensor, sizes: MapSizes, locations: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Sum weighted bilinear samples; outside the maps lie zeros.

    Levels are added one after the other, so that only one level's samples exist at a time. On a
    CPU, where nothing is learned, ``gather_points`` does the same several times as fast.

    Args:
        values: Maps of all levels one after the other, (N, sum of h * w, heads, channels).
        sizes: Height and width of each level.
        locations: x and y as shares of the map, (N, queries, heads, levels, points, 2).
        weights: (N, queries, heads, levels, points).

    Returns:
        (N, queries, heads * channels).
    """
    is_exact = values.dtype == locations.dtype == weights.dtype == torch.float32
    if is_exact and values.device.type == "cpu" and not torch.is_grad_enabled():
        pieces = zip(values, locations, weights, strict=True)
        return torch.stack([gather_points(one, sizes, *where) for one, *where in pieces])
    batch, _, heads, channels = values.shape
    queries = locations.shape[1]
    grids = 2 * locations.transpose(1, 2).flatten(0, 1) - 1
    shares = weights.transpose(1, 2).flatten(0, 1)
    total = values.new_zeros(batch * heads, channels, queries)
    start = 0
    for level, (height, width) in enumerate(sizes):
        tokens = values[:, start : start + height * width]
        start += height * width
        maps = tokens.permute(0, 2, 3, 1).reshape(batch * heads, channels, height, width)
        samples = F.grid_sample(maps, grids[:, :, level], padding_mode="zeros", align_corners=False)
        total = total + (samples * shares[:, None, :, level]).sum(-1)
    return total.view(batch, heads * channels, queries).transpose(1, 2)


def gather_points(
    values: torch.Tensor, sizes: MapSizes, locations: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """The same as ``sample_points`` for one image, as weighted sums of rows of a table.

    A row is what one head sees in one pixel, or zeros around a map; a bilinear sample is four
    neighbouring rows, and all samples of a query and head are summed at once.

    Args:
        values: (sum of h * w, heads, channels).
        sizes: Height and width of each level.
        locations: (queries, heads, levels, points, 2).
        weights: (queries, heads, levels, points).

    Returns:
        (queries, heads * channels).
    """
    queries, heads, levels, points = weights.shape
    table, grid = _framed(values, sizes), _Grid.of(sizes, weights)
    size = max(1, _POINTS_AT_ONCE * torch.get_num_threads() // (heads * levels * points))
    summed = []
    for start in range(0, queries, size):
        part = slice(start, start + size)
        x, y = locations[part].flatten(1, 3).unbind(-1)
        column, right = _cells(x, grid.width)
        line, below = _cells(y, grid.height)
        first = torch.addcmul(column, line, grid.pitch).mul_(heads).int()
        shape = (len(first), heads, levels * points)
        rows = first.new_empty(len(first), heads, 4, levels * points)
        shares = values.new_empty(rows.shape)
        for place, corner in enumerate(grid.corners):
            torch.add(first.view(shape), corner.view(shape[1:]), out=rows[:, :, place])
        lower = below.mul_(weights[part].flatten(1))
        upper = weights[part].flatten(1) - lower
        for place, side in enumerate((upper, lower)):
            ahead = shares[:, :, 2 * place + 1]
            torch.mul(side.view(shape), right.view(shape), out=ahead)
            torch.sub(side.view(shape), ahead, out=shares[:, :, 2 * place])
        found = F.embedding_bag(
            rows.flatten(0, 1).flatten(1),
            table,
            mode="sum",
            per_sample_weights=shares.flatten(0, 1).flatten(1),
        )
        summed.append(found.view(-1, heads * table.shape[1]))
    return torch.cat(summed)


class _Grid(NamedTuple):
    """What is the same for all queries, one value a head, level and point.

    Written out, because operations between tensors whose last axes are repeated are slow.

    Args:
        width: Of the level.
        height: Of the level.
        pitch: Cells of a line, with the frame.
        corners: Row of the first cell, and of its right, lower and lower right neighbour.
    """

    width: torch.Tensor
    height: torch.Tensor
    pitch: torch.Tensor
    corners: tuple[torch.Tensor, ...]

    @classmethod
    def of(cls, sizes: MapSizes, weights: torch.Tensor) -> _Grid:
        """The grid for weights (queries, heads, levels, points)."""
        _, heads, levels, points = weights.shape

        def spread(values: Sequence[int]) -> torch.Tensor:
            return torch.tensor(values)[:, None].expand(heads, levels, points).flatten()

        areas = [(height + 2) * (width + 2) for height, width in sizes]
        pitches = [width + 2 for _, width in sizes]
        # A cell of -1 is the first one of the frame around a map.
        starts = [sum(areas[:level]) + pitch + 1 for level, pitch in enumerate(pitches)]
        head = torch.arange(heads)[:, None].expand(heads, levels * points).flatten()
        firsts = [starts, [start + 1 for start in starts]]
        firsts += [[a + pitch for a, pitch in zip(row, pitches, strict=True)] for row in firsts]
        return cls(
            spread([width for _, width in sizes]).to(weights.dtype),
            spread([height for height, _ in sizes]).to(weights.dtype),
            spread(pitches).to(weights.dtype),
            tuple((spread(row) * heads + head).int() for row in firsts),
        )


def _cells(shares: torch.Tensor, extent: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The cell before a place, from -1 to the last one, and how far behind it the place lies."""
    position = (shares * extent).sub_(0.5).clamp_(min=-1)
    position = torch.minimum(position, extent)
    cell = torch.minimum(position.floor(), extent - 1)
    return cell, position.sub_(cell)


def _framed(values: torch.Tensor, sizes: MapSizes) -> torch.Tensor:
    """Maps of all levels, each in a frame of zeros, as rows (pixels * heads, channels)."""
    maps = values.split([math.prod(size) for size in sizes])
    framed = [
        F.pad(level.unflatten(0, size), (0, 0, 0, 0, 1, 1, 1, 1)).flatten(0, 2)
        for level, size in zip(maps, sizes, strict=True)
    ]
    return torch.cat(framed)
