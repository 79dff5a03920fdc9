"""Reading weighted points of maps of several resolutions: the core of deformable attention.

The form for GPUs with the same signature is in ``deformable_kernel.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F

MapSizes = Sequence[tuple[int, int]]  # height and width of each level
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

    A row is what one head sees in one pixel; a bilinear sample is four of them, and all samples of
    a query and head are summed at once.

    Args:
        values: (sum of h * w, heads, channels).
        sizes: Height and width of each level.
        locations: (queries, heads, levels, points, 2).
        weights: (queries, heads, levels, points).

    Returns:
        (queries, heads * channels).
    """
    _, heads, channels = values.shape
    extents = locations.new_tensor([(width, height) for height, width in sizes])
    width, height = extents[:, :1], extents[:, 1:]
    areas = torch.tensor([0, *(math.prod(size) for size in sizes[:-1])])
    firsts = (areas.cumsum(0) * heads)[:, None] + torch.arange(heads)[:, None, None]
    x, y = (locations * extents[:, None]).sub_(0.5).unbind(-1)
    columns = [((cell * heads).int(), share) for cell, share in _cells(x, width)]
    lines = [
        ((cell * (width * heads)).int() + firsts.int(), share * weights)
        for cell, share in _cells(y, height)
    ]
    rows = torch.stack([line + column for line, _ in lines for column, _ in columns], dim=2)
    shares = torch.stack([line * column for _, line in lines for _, column in columns], dim=2)
    bags = len(locations) * heads
    summed = F.embedding_bag(
        rows.view(bags, -1),
        values.reshape(-1, channels),
        mode="sum",
        per_sample_weights=shares.view(bags, -1),
    )
    return summed.view(len(locations), heads * channels)


def _cells(
    position: torch.Tensor, count: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The two cells of an axis around each position, and their shares; none outside the map."""
    first = position.floor()
    share = position - first
    for cell, part in ((first, 1 - share), (first + 1, share)):
        part = part * ((cell >= 0) & (cell < count))
        yield torch.minimum(cell.clamp(min=0), count - 1), part
