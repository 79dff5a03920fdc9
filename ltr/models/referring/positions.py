"""Sine encodings of positions, and references of attention."""

from __future__ import annotations

import math

import torch

TEMPERATURE = 10000.0
_EPS = 1e-6


def sine_position_2d(padding: torch.Tensor, dim: int) -> torch.Tensor:
    """Encode rows and columns of maps.

    Args:
        padding: bool (N, h, w), True at padded positions.
        dim: Number of channels; the first half encodes y, the second half x.

    Returns:
        (N, dim, h, w).
    """
    inside = (~padding).float()
    axes = []
    for axis in (1, 2):
        count = inside.cumsum(axis)
        last = count.narrow(axis, count.shape[axis] - 1, 1)
        axes.append(_waves((count - 0.5) / (last + _EPS) * 2 * math.pi, dim // 2))
    return torch.cat(axes, dim=-1).permute(0, 3, 1, 2)


def sine_position_1d(padding: torch.Tensor, dim: int) -> torch.Tensor:
    """Encode the places of words; unlike in maps, the first word is at 1 and not at 0.5.

    Args:
        padding: bool (N, length), True at padded positions.
        dim: Number of channels.

    Returns:
        (N, length, dim).
    """
    count = (~padding).float().cumsum(1)
    return _waves(count / (count[:, -1:] + _EPS) * 2 * math.pi, dim)


def _waves(values: torch.Tensor, dim: int) -> torch.Tensor:
    """Values (...) -> (..., dim): sines on even, cosines on odd channels."""
    exponent = torch.arange(0, dim, 2, dtype=torch.float32, device=values.device) / dim
    angle = values[..., None] / TEMPERATURE**exponent
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)


def inverse_sigmoid(x: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    """The logit of x, with x and 1 - x kept above ``eps``."""
    x = x.clamp(0.0, 1.0)
    return torch.log(x.clamp(min=eps) / (1 - x).clamp(min=eps))


def valid_ratios(padding: torch.Tensor) -> torch.Tensor:
    """The share of a map that is not padding, read on its first row and column.

    Args:
        padding: bool (N, h, w).

    Returns:
        Shares of the width and the height, (N, 2).
    """
    inside = (~padding).float()
    return torch.stack([inside[:, 0].mean(1), inside[:, :, 0].mean(1)], dim=-1)
