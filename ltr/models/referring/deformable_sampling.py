"""Reading weighted points of maps of several resolutions: the core of deformable attention.

The form for GPUs with the same signature is in ``deformable_kernel.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F

MapSizes = Sequence[tuple[int, int]]  # height and width of each level
_POINTS_AT_ONCE = 1 << 17  # so that what is known of them stays in a core's cache
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
    table = _framed(values, sizes)
    extents = locations.new_tensor([(width, height) for height, width in sizes])[:, None]
    pitch = extents[..., 0] + 2
    corners = torch.tensor([[0, 1, width + 2, width + 3] for _, width in sizes])[:, None] * heads
    areas = torch.tensor([0, *((height + 2) * (width + 2) for height, width in sizes[:-1])])
    # A cell of -1 is the first one of the frame around a map.
    firsts = (areas.cumsum(0)[:, None] + pitch.long() + 1) * heads
    starts = (torch.arange(heads)[:, None, None] + firsts).int()
    corners = corners.int()
    size = max(1, _POINTS_AT_ONCE // (heads * levels * points))
    summed = []
    for start in range(0, queries, size):
        part = slice(start, start + size)
        position = torch.clamp(locations[part] * extents - 0.5, -torch.ones_like(extents), extents)
        cell = torch.minimum(position.floor(), extents - 1)
        x, y = (position - cell).unbind(-1)
        column, line = cell.unbind(-1)
        rows = ((line * pitch + column) * heads).int() + starts
        below = y * weights[part]
        sides = torch.stack([weights[part] - below, below], dim=-1)[..., None]
        shares = sides * torch.stack([1 - x, x], dim=-1)[..., None, :]
        bag = (len(rows) * heads, levels * points * 4)
        found = F.embedding_bag(
            (rows[..., None] + corners).reshape(bag),
            table,
            mode="sum",
            per_sample_weights=shares.reshape(bag),
        )
        summed.append(found.view(-1, heads * table.shape[1]))
    return torch.cat(summed)


def _framed(values: torch.Tensor, sizes: MapSizes) -> torch.Tensor:
    """Maps of all levels, each in a frame of zeros, as rows (pixels * heads, channels)."""
    maps = values.split([math.prod(size) for size in sizes])
    framed = [
        F.pad(level.unflatten(0, size), (0, 0, 0, 0, 1, 1, 1, 1)).flatten(0, 2)
        for level, size in zip(maps, sizes, strict=True)
    ]
    return torch.cat(framed)
