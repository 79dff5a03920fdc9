"""Finds the most similar positions of other frames, exactly, without looking at all of them.

Maps are ``(h, w, channels)``: feature vectors of length one. Upstream compares every position with
every position of 21 frames and pushes those beyond a radius out of the competition; here the
frames are compared with what lies within the radius: on a GPU in tiles, on a CPU in strips.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F

from ltr.models.dense_ulearn.screening import can_screen, strongest_above
from ltr.models.dense_ulearn.strips import Strip
from ltr.models.layers.matmul import linear_fast
from ltr.models.layers.side_by_side import even_slices, run_side_by_side

_CPU_TILE = (8, 14)
_CPU_TILE_OF_MANY = (8, 8)  # of many channels, which pay for every column of a window
_MANY_CHANNELS = 256
_GPU_TILE = (12, 16)  # fewer launches
_QUERIES_AT_ONCE = 256
_LARGEST_GROUP = 16  # of positions whose largest score is looked at first


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
        radius: Positions whose distance is smaller belong to each other.
    """

    rows: slice
    columns: slice
    window_rows: slice
    window_columns: slice
    outside: torch.Tensor
    positions: torch.Tensor
    radius: float


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
        for rows in even_slices(height, tile_height)
        for columns in even_slices(width, tile_width)
    ]


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
    return Tile(rows, columns, window_rows, window_columns, outside, positions, radius)


def match_everywhere(
    queries: torch.Tensor, keys: torch.Tensor, count: int, bounds: torch.Tensor | None = None
) -> Matches:
    """Match a map with all positions of another one.

    Args:
        queries: (h, w, channels).
        keys: (h, w, channels).
        count: Number of matches; fewer where the map is smaller.
        bounds: (h * w,), matches with a lower score may be missing, with a score of minus infinity.
    """
    flat, size = keys.flatten(0, 1), queries.shape[0] * queries.shape[1]
    together = max(number for number in range(1, _LARGEST_GROUP + 1) if len(flat) % number == 0)
    result = _empty(min(count, len(flat)), queries)
    result.frames.zero_()
    rounded = flat.bfloat16() if bounds is not None and can_screen(flat) else None

    def match(part: slice) -> None:
        own, found = queries.flatten(0, 1)[part], None
        if bounds is not None and rounded is not None:
            found = strongest_above(own, flat, rounded, bounds[part], len(result.scores))
        if found is None:
            cosines = linear_fast(flat, own).float().unflatten(0, (-1, together))
            scores, members, groups = strongest(cosines.transpose(0, 1), count)
            found = scores, groups * together + members
        result.scores[:, part], result.positions[:, part] = found

    run_side_by_side(match, even_slices(size, _QUERIES_AT_ONCE))
    return result


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
    strips: dict[int, Strip] = {}
    if keys.device.type == "cpu":
        for tile in tiles:
            start = tile.columns.start
            strips[start] = Strip(tile.columns, tile.window_columns, tile.radius)
    candidates = [strip.candidates for strip in strips.values()]
    fewest = min(candidates or [len(tile.positions) for tile in tiles])
    counts = [min(count, len(frames) * fewest) for frames in choices]
    results = [_empty(number, queries) for number in counts]

    def match(strip: Strip) -> None:
        rows = slice(0, len(queries))
        found = strip.match(queries, keys, choices, counts)
        for result, values in zip(results, found, strict=True):
            _fill(result, queries, rows, strip.columns, Matches(*values))

    run_side_by_side(match, strips.values())
    for tile in () if strips else tiles:
        _match_tile(tile, queries, keys, choices, results)
    return results


def _empty(count: int, like: torch.Tensor) -> Matches:
    size = (count, like.shape[0] * like.shape[1])
    indices = torch.empty(size, dtype=torch.int64, device=like.device)
    scores = torch.empty(size, dtype=torch.float32, device=like.device)
    return Matches(scores, indices, indices.clone())


def _fill(
    result: Matches, queries: torch.Tensor, rows: slice, columns: slice, values: Matches
) -> None:
    """Write what some rows and columns of a map match, of the shape (count, rows, columns)."""
    for target, value in zip(result, values, strict=True):
        target.unflatten(1, queries.shape[:2])[:, rows, columns] = value


def _match_tile(
    tile: Tile,
    queries: torch.Tensor,
    keys: torch.Tensor,
    choices: Sequence[torch.Tensor],
    results: Sequence[Matches],
) -> None:
    """Write what a tile matches."""
    windows = keys[:, tile.window_rows, tile.window_columns].flatten(0, 2)
    part = queries[tile.rows, tile.columns]
    scores = F.linear(windows, part.flatten(0, 1)).float().unflatten(0, (len(keys), -1))
    for frames, result in zip(choices, results, strict=True):
        found, members, groups = strongest(scores[frames], len(result.scores), tile.outside)
        flat = Matches(found, frames[members], tile.positions[groups])
        values = Matches(*(value.unflatten(1, part.shape[:2]) for value in flat))
        _fill(result, queries, tile.rows, tile.columns, values)


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
