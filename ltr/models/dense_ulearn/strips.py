"""Finds the most similar positions nearby on a CPU, strip by strip.

A strip is some columns of a map, of full height. Every row of the searched frames is compared in
one product with all positions of the strip that are near enough, so no product looks at rows beyond
the radius, and where the frames of a position lie side by side, nothing is copied.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from ltr.models.layers.matmul import linear_fast


class Found(NamedTuple):
    """The best matches of some columns, best first, (count, h, columns): see ``Matches``."""

    scores: torch.Tensor
    frames: torch.Tensor
    positions: torch.Tensor


@dataclass(frozen=True)
class Strip:
    """Some columns of a map.

    Args:
        columns: The columns.
        window: Columns that hold everything within the radius.
        radius: Positions whose distance is smaller belong to each other.
    """

    columns: slice
    window: slice
    radius: float

    @property
    def margin(self) -> int:
        """The largest distance of two rows that belong to each other."""
        return math.ceil(self.radius) - 1

    @property
    def reach(self) -> int:
        """Number of rows that belong to one, itself included."""
        return 2 * self.margin + 1

    @property
    def width(self) -> int:
        """Number of columns of the window."""
        return self.window.stop - self.window.start

    @property
    def candidates(self) -> int:
        """How many positions of a frame each position is ranked with, those too far included."""
        return self.reach * self.width

    def outside(self) -> torch.Tensor:
        """bool (columns, reach, width), beyond the radius."""
        rows = torch.arange(-self.margin, self.margin + 1)
        columns = torch.arange(self.columns.start, self.columns.stop)
        window = torch.arange(self.window.start, self.window.stop)
        across = (columns[:, None] - window).square()
        return across[:, None] + rows[:, None].square() >= self.radius**2

    def match(
        self,
        queries: torch.Tensor,
        keys: torch.Tensor,
        choices: Sequence[torch.Tensor],
        counts: Sequence[int],
    ) -> list[Found]:
        """The best matches in several sets of frames.

        Args:
            queries: (h, w, channels).
            keys: (frames, h, w, channels); fastest where a position's frames lie side by side.
            choices: Sets of frames, int64.
            counts: Number of matches of each set.
        """
        scores = _Scores(self, queries, keys, choices)
        return [scores.strongest(*item) for item in enumerate(counts)]


class _Scores:
    """Cosines of a strip, and the largest ones among the frames of each set.

    A row of keys meets rows of queries above and below, which ``reach`` counts from the uppermost.
    """

    def __init__(
        self,
        strip: Strip,
        queries: torch.Tensor,
        keys: torch.Tensor,
        choices: Sequence[torch.Tensor],
    ) -> None:
        self._strip, self._choices = strip, choices
        self._frames, self._height, self._map_width, _ = keys.shape
        self._columns = strip.columns.stop - strip.columns.start
        lines = (strip.reach, self._columns)
        self._all = queries.new_empty(self._height, strip.width, self._frames, *lines)
        rows = self._height + 2 * strip.margin  # empty ones above and below
        size = (len(choices), rows, strip.reach, strip.width, self._columns)
        self._best = queries.new_full(size, -torch.inf)
        self._compare(queries[:, strip.columns].contiguous(), keys)

    def _compare(self, queries: torch.Tensor, keys: torch.Tensor) -> None:
        strip = self._strip
        margin, height = strip.margin, self._height
        for row, searched in enumerate(keys.permute(1, 2, 0, 3)[:, strip.window]):
            first, last = max(0, row - margin), min(height, row + margin + 1)
            near = slice(first - row + margin, last - row + margin)
            part = queries[first:last].flatten(0, 1)
            scores = linear_fast(searched.reshape(-1, keys.shape[3]), part)
            scores = scores.unflatten(0, (-1, self._frames))
            self._all[row, :, :, near].flatten(2).copy_(scores)
            for choice, best in zip(self._choices, self._best[:, row + margin], strict=True):
                chosen = scores if len(choice) == self._frames else scores[:, choice]
                largest = chosen.amax(dim=1).unflatten(1, (-1, self._columns))
                best[near] = largest.transpose(0, 1)

    def strongest(self, choice: int, count: int) -> Found:
        """The best matches in a set of frames.

        As in ``strongest`` of the tiles only the frames of the best positions are looked at.
        """
        strip, frames = self._strip, self._choices[choice]
        best, places = self._best_places(self._best[choice], count)
        distances, across = places // strip.width, places % strip.width
        rows = torch.arange(self._height)[:, None, None] + distances - strip.margin
        rows = rows.clamp_(0, self._height - 1)  # outside there is nothing that matches
        first = (rows * strip.width + across) * (self._frames * strip.reach)
        first = (first + 2 * strip.margin - distances) * self._columns
        first += torch.arange(self._columns)[:, None]
        steps = frames * (strip.reach * self._columns)
        members = self._all.view(-1).take(first[:, :, None] + steps[:, None])
        members = members.masked_fill_((best == -torch.inf)[:, :, None], -torch.inf)
        members = members.flatten(2).float()
        scores, index = members.topk(min(count, members.shape[2]), dim=2)
        positions = rows * self._map_width + strip.window.start + across
        known = places.shape[2]
        found = scores, frames[index // known], positions.gather(2, index % known)
        return Found(*(values.permute(2, 0, 1) for values in found))

    def _best_places(self, best: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The largest scores and their places in (reach, width), (h, columns, count)."""
        strip, (down, across, aside, _) = self._strip, best.stride()
        by_query = best.as_strided(  # now ``reach`` counts the keys of a row of queries
            (self._height, self._columns, strip.reach, strip.width),
            (down, 1, down - across, aside),
            best.storage_offset() + (strip.reach - 1) * across,
        )
        near = by_query.masked_fill(strip.outside(), -torch.inf).flatten(2).float()
        return near.topk(min(count, near.shape[2]), dim=2)
