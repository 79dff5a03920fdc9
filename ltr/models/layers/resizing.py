"""Enlargements as convolutions, and convolutions of what need not be enlarged."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F

from ltr.models.layers.banded import Run, find_runs

# The cubic kernel with a = -3/4 at the distances -7/4, -5/4, ..., 7/4 of doubled pixel centres.
_TAPS = (-9 / 256, -27 / 256, 67 / 256, 225 / 256, 225 / 256, 67 / 256, -27 / 256, -9 / 256)
_REACH = 2
_BAND = 16  # rows of enlarged maps that are computed together


def resize_bicubic(x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Resize with half-pixel centres, a = -3/4 and replicated borders.

    Doubling sides on a CPU runs through the convolution library, five to ten times as fast as
    PyTorch's resize and equal within rounding (about 1e-6 of the values).

    Args:
        x: (N, C, h, w).
        size: (H, W).

    Returns:
        (N, C, H, W).
    """
    factors = [large / small for small, large in zip(x.shape[-2:], size, strict=True)]
    is_fast = sorted(factors) in ([1, 2], [2, 2])
    if not is_fast or x.device.type != "cpu" or x.dtype != torch.float32:
        return F.interpolate(x, tuple(size), mode="bicubic")
    channels = x.shape[1]
    taps = [x.new_tensor(_TAPS if factor == 2 else (1,)) for factor in factors]
    kernel = torch.outer(*taps).expand(channels, 1, -1, -1)
    down, across = (_REACH if factor == 2 else 0 for factor in factors)
    x = x.contiguous(memory_format=torch.channels_last)
    padded = F.pad(x, (across, across, down, down), mode="replicate")
    cut = [2 * _REACH + len(_TAPS) // 2 - 1 if factor == 2 else 0 for factor in factors]
    strides = [int(factor) for factor in factors]
    return F.conv_transpose2d(padded, kernel, stride=strides, padding=cut, groups=channels)


def doubling_matrix(size: int) -> torch.Tensor:
    """What doubling does to the rows of maps, (2 * size, size), double precision."""
    unit = torch.eye(size, dtype=torch.float64)[None, None]
    return F.interpolate(unit, (2 * size, size), mode="bicubic")[0, 0]


def sum_doubled(taps: torch.Tensor) -> torch.Tensor:
    """Double the maps of a 3x3 kernel's taps and sum them, each moved to its place.

    The same as ``sum_shifted`` of ``resize_bicubic``, by two products with banded matrices.

    Args:
        taps: float32 (h, w, 9), on a CPU.

    Returns:
        (2 * h, 2 * w).
    """
    height, width, _ = taps.shape
    by_row = taps.view(height, width, 3, 3).permute(0, 2, 1, 3).reshape(3 * height, 3 * width)
    rows = _sum_rows(by_row)
    return _sum_rows(rows.t().contiguous()).t()


def _sum_rows(rows: torch.Tensor) -> torch.Tensor:
    """Rows (h * 3, n), one for each tap -> their sums (2 * h, n)."""
    size = 2 * len(rows) // 3
    bands = -(-size // _BAND)
    result = rows.new_empty(bands, _BAND, rows.shape[1])
    for run in _summing_runs(size // 2):
        run.apply(rows, slice(0, bands), result)
    return result.flatten(0, 1)[:size]


@cache
def _summing_runs(size: int) -> tuple[Run, ...]:
    doubled = F.pad(doubling_matrix(size), (0, 0, 1, 1))
    taps = [doubled[start : start + 2 * size] for start in range(3)]
    matrix = torch.stack(taps, dim=2).flatten(1).float()
    return find_runs(matrix.split(_BAND), 3 * _BAND // 2)


def convolve_enlarged(x: torch.Tensor, weight: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Convolve maps as if they were enlarged, bilinearly and corner on corner, with zeros outside.

    Both are linear: the nine columns of the kernel meet the small maps, and what they give is
    spread along the rows and then along the columns.

    Args:
        x: (N, C, h, w).
        weight: (K, C, 3, 3).
        size: (H, W).

    Returns:
        (N, K, H, W), channels last.
    """
    kernels, (height, width) = len(weight), x.shape[-2:]
    taps = weight.permute(2, 3, 0, 1).flatten(0, 2)[..., None, None]
    taken = F.conv2d(x, taps).permute(0, 2, 3, 1).unflatten(3, (3, 3, kernels))
    rows = taken.permute(0, 1, 3, 2, 4, 5).reshape(-1, 3 * width, kernels)
    wide = _spread(rows, size[1]).view(len(x), 3 * height, -1)
    return _spread(wide, size[0]).unflatten(2, (size[1], kernels)).permute(0, 3, 1, 2)


def _spread(taps: torch.Tensor, size: int) -> torch.Tensor:
    """What a small side gives its three neighbours each, (n, small * 3, K) -> (n, size, K)."""
    result = taps.new_empty(len(taps), size, taps.shape[2])
    for rows, columns, shares in _bands_of_shares(taps.shape[1] // 3, size):
        matrices = shares.to(taps).expand(len(taps), -1, -1)
        torch.bmm(matrices, taps[:, columns], out=result[:, rows])
    return result


@cache
def _bands_of_shares(small: int, large: int) -> list[tuple[slice, slice, torch.Tensor]]:
    """The matrix of ``_spread``, (large, small * 3), without the zeros: rows, columns, values."""
    shares = F.interpolate(torch.eye(small)[None], large, mode="linear", align_corners=True)[0].T
    padded = F.pad(shares, (0, 0, 1, 1))
    matrix = torch.stack([padded[start : start + large] for start in range(3)], dim=2).flatten(1)
    bands = []
    for first, band in zip(range(0, large, _BAND), matrix.split(_BAND), strict=True):
        used = band.any(dim=0).nonzero()
        columns = slice(int(used.min()), int(used.max()) + 1)
        bands.append((slice(first, first + len(band)), columns, band[:, columns].contiguous()))
    return bands
