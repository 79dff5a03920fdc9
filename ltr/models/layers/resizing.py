"""Enlargements as convolutions, and convolutions of what need not be enlarged."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

# The cubic kernel with a = -3/4 at the distances -7/4, -5/4, ..., 7/4 of doubled pixel centres.
_TAPS = (-9 / 256, -27 / 256, 67 / 256, 225 / 256, 225 / 256, 67 / 256, -27 / 256, -9 / 256)
_REACH = 2


def resize_bicubic(x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Resize with half-pixel centres, a = -3/4 and replicated borders.

    Doubling on a CPU runs through the convolution library, five to ten times as fast as
    PyTorch's resize and equal within rounding (about 1e-6 of the values).

    Args:
        x: (N, C, h, w).
        size: (H, W).

    Returns:
        (N, C, H, W).
    """
    is_doubled = tuple(size) == (2 * x.shape[-2], 2 * x.shape[-1])
    if not is_doubled or x.device.type != "cpu" or x.dtype != torch.float32:
        return F.interpolate(x, tuple(size), mode="bicubic")
    channels = x.shape[1]
    taps = x.new_tensor(_TAPS)
    kernel = torch.outer(taps, taps).expand(channels, 1, -1, -1)
    x = x.contiguous(memory_format=torch.channels_last)
    padded = F.pad(x, (_REACH,) * 4, mode="replicate")
    cut = 2 * _REACH + len(_TAPS) // 2 - 1
    return F.conv_transpose2d(padded, kernel, stride=2, padding=cut, groups=channels)


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
    down, across = (
        _spread(small, large, x) for small, large in zip((height, width), size, strict=True)
    )
    rows = taken.permute(0, 1, 3, 4, 2, 5).reshape(len(x), height, 3, 3 * width, kernels)
    wide = across.flatten(1) @ rows
    found = down.transpose(1, 2).flatten(1) @ wide.reshape(len(x), 3 * height, -1)
    return found.unflatten(2, (size[1], kernels)).permute(0, 3, 1, 2)


def _spread(small: int, large: int, like: torch.Tensor) -> torch.Tensor:
    """What each place of a small side adds to the three neighbours of each of a large one.

    Returns:
        (large, 3, small).
    """
    unit = torch.eye(small, dtype=like.dtype, device=like.device)[None]
    shares = F.interpolate(unit, large, mode="linear", align_corners=True)[0].T
    padded = F.pad(shares, (0, 0, 1, 1))
    return torch.stack([padded[start : start + large] for start in range(3)], dim=1)
