"""Convolutions split up: one product per kernel tap, and sums of shifted maps."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def sum_shifted(taps: torch.Tensor) -> torch.Tensor:
    """Sum the maps of a kernel's taps, each moved to its place, with zeros outside.

    For maps ``sum_c weight[c, i, j] * x[c]`` the result is the convolution of x with the weight.

    Args:
        taps: (..., k, k, filters, H, W), k odd.

    Returns:
        (..., filters, H, W).
    """
    k, height, width = taps.shape[-4], taps.shape[-2], taps.shape[-1]
    total = taps.new_zeros(*taps.shape[:-5], taps.shape[-3], height + k - 1, width + k - 1)
    for row in range(k):
        for column in range(k):
            y, x = k - 1 - row, k - 1 - column
            total[..., y : y + height, x : x + width] += taps[..., row, column, :, :, :]
    margin = k // 2
    return total[..., margin : margin + height, margin : margin + width]


def shift(maps: torch.Tensor, k: int) -> torch.Tensor:
    """The transpose of ``sum_shifted``: maps (..., filters, H, W) -> (..., k, k, filters, H, W)."""
    height, width = maps.shape[-2:]
    padded = F.pad(maps, (k // 2,) * 4)
    rows = []
    for row in range(k):
        y = k - 1 - row
        columns = [padded[..., y : y + height, k - 1 - c : k - 1 - c + width] for c in range(k)]
        rows.append(torch.stack(columns, dim=-4))
    return torch.stack(rows, dim=-5)
