"""Products with banded matrices, whose rows repeat from band to band, for inference on CPUs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch


class Run(NamedTuple):
    """Neighbouring bands of rows that come from the rows of maps in the same way.

    Args:
        first: The first band.
        length: How many.
        source: First row of the maps that the first band reads.
        step: Rows from one band's source to the next one's.
        matrix: From the rows of a source to those of the band, (rows, source rows).
    """

    first: int
    length: int
    source: int
    step: int
    matrix: torch.Tensor

    def apply(self, maps: torch.Tensor, bands: slice, target: torch.Tensor) -> None:
        """Compute those of some bands that belong to the run.

        Args:
            maps: (H, row).
            bands: Start and stop.
            target: Receives these bands, (bands, rows, row); it may be a view.
        """
        first, last = max(self.first, bands.start), min(self.first + self.length, bands.stop)
        if first >= last:
            return
        rows, row = self.matrix.shape[1], maps.shape[1]
        start = maps.storage_offset() + (self.source + self.step * (first - self.first)) * row
        sources = maps.as_strided((last - first, rows, row), (self.step * row, row, 1), start)
        part = target[first - bands.start : last - bands.start, : len(self.matrix)]
        torch.bmm(self.matrix.expand(last - first, -1, -1), sources, out=part)


def find_runs(bands: Iterable[torch.Tensor], step: int) -> tuple[Run, ...]:
    """Group the bands of a matrix.

    Args:
        bands: The rows of each band, (rows, H), mostly zeros.
        step: Columns from a band's values to the same ones of the next band.
    """
    runs: list[Run] = []
    for index, band in enumerate(bands):
        used = band.abs().sum(dim=0).nonzero()
        source, end = int(used.min()), int(used.max()) + 1
        matrix = band[:, source:end].contiguous()
        last = runs[-1] if runs else None
        if last and source == last.source + last.length * step and torch.equal(last.matrix, matrix):
            runs[-1] = last._replace(length=last.length + 1)
        else:
            runs.append(Run(index, 1, source, step, matrix))
    return tuple(runs)
