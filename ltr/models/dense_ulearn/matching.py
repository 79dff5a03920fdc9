"""Finds the most similar positions of other frames, exactly, without looking at all of them.

Maps are ``(h, w, channels)``: feature vectors of length one. Upstream compares every position with
every position of 21 frames and pushes those beyond a radius out of the competition; here the
frames are compared tile by tile with what lies within the radius.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F

from ltr.models.layers.matmul import PackedLinear

_CPU_TILE = (8, 8)
_CPU_TILE_OF_MANY = (4, 8)  # of many channels: small windows, positions that fill two vectors
_MANY_CHANNELS = 256
_STRIP_BYTES = 2**22  # of the frames that are compared together, so that they stay in the cache
_GPU_TILE = (12, 16)  # fewer launches
_QUERIES_AT_ONCE = 512


class Matches(NamedTuple):
    """The best matches of every position, best first, (k, h * w).

    Args:
        scores: Cosines.
        frames: int64, which of the searched frames.
        positions: int64, ``y * w + x`` in it.
    """

    scores: torch.Tensor
    frames: torch.Tensor
    positions: torch.Tensor


@dataclass(frozen=True)
class Tile:
    """Neighbouring positions, and the window that holds everything within the radius of any.

    Args:
        rows: Rows of the tile.
        columns: Columns of the tile.
        window_rows: Rows of the search window around the tile.
        window_columns: Columns of the search window around the tile.
        outside: bool (window positions, tile positions), beyond the radius.
        positions: int64 (window positions,), ``y * w + x``.
    """

    rows: slice
    columns: slice
    window_rows: slice
    window_columns: slice
    outside: torch.Tensor
    positions: torch.Tensor


def plan_tiles(features: torch.Tensor, radius: float) -> list[Tile]:
    """Cut a map into tiles.

    Args:
        features: A map of the size and on the device of those that will be matched.
        radius: Positions whose distance is smaller belong to each other.
    """
    (height, width, channels), device = features.shape, features.device
    margin = math.ceil(radius) - 1
    of_cpu = _CPU_TILE_OF_MANY if channels >= _MANY_CHANNELS else _CPU_TILE
    tile_height, tile_width = of_cpu if device.type == "cpu" else _GPU_TILE
    return [
        _tile(rows, columns, (height, width), margin, radius, device)
        for rows in _parts(height, tile_height)
        for columns in _parts(width, tile_width)
    ]


def _parts(length: int, largest: int) -> list[slice]:
    """Cut a length into nearly equal parts."""
    count = math.ceil(length / largest)
    cuts = [round(i * length / count) for i in range(count + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(cuts)]


def _tile(
    rows: slice,
    columns: slice,
    size: tuple[int, int],
    margin: int,
    radius: float,
    device: torch.device,
) -> Tile:
    axes = []
    for part, length in zip((rows, columns), size, strict=True):
        window = slice(max(0, part.start - margin), min(length, part.stop + margin))
        inner = torch.arange(part.start, part.stop, device=device)
        outer = torch.arange(window.start, window.stop, device=device)
        axes.append((window, outer, (outer[:, None] - inner).square()))
    (window_rows, y, dy), (window_columns, x, dx) = axes
    squared = dy[:, None, :, None] + dx[None, :, None, :]
    outside = squared.flatten(2).flatten(0, 1) >= radius**2
    positions = (y[:, None] * size[1] + x).flatten()
    return Tile(rows, columns, window_rows, window_columns, outside, positions)


def match_everywhere(queries: torch.Tensor, keys: torch.Tensor, count: int) -> Matches:
    """Match a map with all positions of another one.

    Args:
        queries: (h, w, channels).
        keys: (h, w, channels).
        count: Number of matches; fewer where the map is smaller.
    """
    width, flat = keys.shape[1], keys.flatten(0, 1)
    found = []
    for part in queries.flatten(0, 1).split(_QUERIES_AT_ONCE):
        cosines = PackedLinear(part, None, len(flat))(flat).float()
        scores, rows, columns = strongest(cosines.unflatten(0, (-1, width)), count)
        found.append(Matches(scores, torch.zeros_like(rows), rows * width + columns))
    return Matches(*(torch.cat(parts, dim=1) for parts in zip(*found, strict=True)))


def match_nearby(
    queries: torch.Tensor,
    keys: torch.Tensor,
    tiles: Sequence[Tile],
    choices: Sequence[torch.Tensor],
    count: int,
) -> list[Matches]:
    """Match a map with the neighbourhoods of its positions in several frames.

    Args:
        queries: (h, w, channels).
        keys: (frames, h, w, channels).
        tiles: Tiles from ``plan_tiles``.
        choices: Sets of frames, int64; each is searched for itself, the comparison is shared.
        count: Number of matches; fewer where there are fewer candidates.

    Returns:
        One result per set; ``frames`` counts in ``keys``. A score of minus infinity is not a match.
    """
    height, width, _ = queries.shape
    fewest = min(len(tile.positions) for tile in tiles)
    results = [_empty(min(count, len(frames) * fewest), queries) for frames in choices]
    for tile, scores in _compare(queries, keys, tiles):
        for frames, result in zip(choices, results, strict=True):
            chosen = scores[frames]
            found, members, groups = strongest(chosen, len(result.scores), tile.outside)
            size = (-1, tile.rows.stop - tile.rows.start, tile.columns.stop - tile.columns.start)
            values = Matches(found, frames[members], tile.positions[groups])
            for target, value in zip(result, values, strict=True):
                target.view(-1, height, width)[:, tile.rows, tile.columns] = value.view(size)
    return results


def _empty(count: int, like: torch.Tensor) -> Matches:
    size = (count, like.shape[0] * like.shape[1])
    indices = torch.empty(size, dtype=torch.int64, device=like.device)
    scores = torch.empty(size, dtype=torch.float32, device=like.device)
    return Matches(scores, indices, indices.clone())


def _compare(
    queries: torch.Tensor, keys: torch.Tensor, tiles: Sequence[Tile]
) -> Iterator[tuple[Tile, torch.Tensor]]:
    """Every tile with its cosines, (frames, window positions, tile positions)."""
    if keys.device.type == "cpu":
        for _, column in itertools.groupby(sorted(tiles, key=_left), key=_left):
            yield from _compare_column(queries, keys, list(column))
        return
    for tile in tiles:
        windows = keys[:, tile.window_rows, tile.window_columns].flatten(0, 2)
        cosines = F.linear(windows, _part(queries, tile)).float()
        yield tile, cosines.unflatten(0, (len(keys), -1))


def _left(tile: Tile) -> int:
    return tile.columns.start


def _part(queries: torch.Tensor, tile: Tile) -> torch.Tensor:
    return queries[tile.rows, tile.columns].flatten(0, 1)


def _compare_column(
    queries: torch.Tensor, keys: torch.Tensor, tiles: Sequence[Tile]
) -> Iterator[tuple[Tile, torch.Tensor]]:
    """The tiles of one column, a few frames at a time.

    Their windows lie in one strip of a frame, which is copied once and stays in the cache.
    """
    columns = tiles[0].window_columns
    size = keys[0, :, columns].numel() * keys.element_size()
    together = min(len(keys), max(1, _STRIP_BYTES // size))
    parts = [
        PackedLinear(_part(queries, tile), None, together * len(tile.positions)) for tile in tiles
    ]
    scores = [
        queries.new_empty(len(keys), *tile.outside.shape, dtype=torch.float32) for tile in tiles
    ]
    for first in range(0, len(keys), together):
        strips = keys[first : first + together, :, columns].transpose(0, 1).contiguous()
        for tile, part, found in zip(tiles, parts, scores, strict=True):
            window = strips[tile.window_rows]
            cosines = part(window.flatten(0, 2)).view(*window.shape[:3], -1).transpose(0, 1)
            found[first : first + together].view(cosines.shape).copy_(cosines)
    yield from zip(tiles, scores, strict=True)


def strongest(
    scores: torch.Tensor, count: int, excluded: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The largest scores of every query.

    A score can only be among the ``count`` largest if its group's largest score is among the
    ``count`` largest ones of all groups. So the groups are ranked first, and only the members of
    the best ones are looked at.

    Args:
        scores: (members, groups, queries).
        count: Number of scores.
        excluded: bool (groups, queries), groups that do not count for a query.

    Returns:
        Scores, members and groups, (count, queries), best first.
    """
    best = scores.amax(dim=0)
    if excluded is not None:
        best = best.masked_fill(excluded, -torch.inf)
    best, groups = best.t().topk(min(count, best.shape[0]), dim=1)
    groups = groups.t()
    members = scores.gather(1, groups.expand(len(scores), *groups.shape))
    members = members.masked_fill(best.t() == -torch.inf, -torch.inf)
    values, index = members.flatten(0, 1).t().topk(min(count, members[:, :, 0].numel()), dim=1)
    index = index.t()
    groups_of = groups.gather(0, index % len(groups))
    return values.t(), index // len(groups), groups_of
