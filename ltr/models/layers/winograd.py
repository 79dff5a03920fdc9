"""3x3 convolutions in a quarter of the multiplications, for inference on CPUs.

Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, arXiv 1509.09308): tiles of 6x6 values are
transformed, multiplied by transformed kernels as 36 matrix products, and transformed back to 4x4
results. With the interpolation points 0, +-3/4, +-3/2 the rounding errors are a third of those of
the usual 0, +-1, +-2, and like those of the direct form (2 to 3 millionths of the largest value).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.polynomial.polynomial import polyfromroots
from torch import nn

_TILE = 4
_SPAN = _TILE + 2
_POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
_BLOCK = 192  # tiles that are transformed together, so that they stay in a core's cache
_MIN_TILES = 48  # below, reading the transformed kernels takes longer than multiplying
_MIN_CHANNELS = 128

Network = TypeVar("Network", bound=nn.Module)


class _Transforms(NamedTuple):
    """Matrices: of flat tiles (36, 36), of a side of kernels (6, 3), of flat results (16, 36)."""

    tile: torch.Tensor
    kernel: torch.Tensor
    result: torch.Tensor


class WinogradConv2d(nn.Conv2d):
    """A convolution that may keep its transformed kernels as well, see ``use_winograd``.

    Where they do not help (gradients, a GPU, another type, few positions) it computes the direct
    form. The transformed kernels take four times the room of the kernels.
    """

    transformed: torch.Tensor | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("transformed", None, persistent=False)

    @classmethod
    def of(cls, conv: nn.Conv2d) -> WinogradConv2d:
        """Take over the parameters of a convolution, see ``fits``."""
        own = cls(conv.in_channels, conv.out_channels, 3, padding=1, device="meta")
        own.weight, own.bias = conv.weight, conv.bias
        own.transform()
        return own.train(conv.training)

    def transform(self) -> None:
        """Keep the transformed kernels from now on."""
        self.transformed = transform_weight(self.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, in, h, w) -> (N, out, h, w)."""
        if self.transformed is None or not _is_inference(x) or not has_enough_tiles(x):
            return super().forward(x)
        return convolve_by_tiles(x, self.transformed, self.bias)


def has_enough_tiles(x: torch.Tensor) -> bool:
    """Whether (N, C, H, W) is large enough for the tiles to be faster than the direct form."""
    return len(x) * -(-x.shape[2] // _TILE) * -(-x.shape[3] // _TILE) >= _MIN_TILES


def _is_inference(x: torch.Tensor) -> bool:
    is_plain = x.device.type == "cpu" and x.dtype == torch.float32
    return is_plain and not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


def use_winograd(network: Network) -> Network:
    """Transform the kernels for which it pays on a CPU, in place; for inference only.

    Convolutions are replaced by ``WinogradConv2d``; layers that derive from it stay what they are.

    Returns:
        The network itself.
    """
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if not isinstance(child, nn.Conv2d) or not fits(child):
                continue
            if isinstance(child, WinogradConv2d):
                child.transform()
            elif type(child) is nn.Conv2d:
                setattr(parent, name, WinogradConv2d.of(child))
    return network


def fits(conv: nn.Conv2d) -> bool:
    """Whether a convolution is 3x3, of stride 1, padding 1, many channels, on a CPU."""
    return (
        conv.weight.shape[2:] == (3, 3)
        and (conv.stride, conv.padding, conv.dilation) == ((1, 1), (1, 1), (1, 1))
        and (conv.groups, conv.padding_mode) == (1, "zeros")
        and min(conv.in_channels, conv.out_channels) >= _MIN_CHANNELS
        and (conv.weight.device.type, conv.weight.dtype) == ("cpu", torch.float32)
    )


def transform_weight(weight: torch.Tensor) -> torch.Tensor:
    """Kernels (K, C, 3, 3) -> (36, C, K)."""
    matrix = _transforms().kernel
    spread = torch.einsum("ai,koij,bj->abok", matrix, weight.detach().double(), matrix)
    return spread.flatten(0, 1).float().contiguous()


def restore_weight(transformed: torch.Tensor) -> torch.Tensor:
    """The inverse of ``transform_weight``, up to rounding."""
    matrix = torch.linalg.pinv(_transforms().kernel)
    tiles = transformed.double().unflatten(0, (_SPAN, _SPAN))
    return torch.einsum("ia,abok,jb->koij", matrix, tiles, matrix).float()


def convolve_by_tiles(
    x: torch.Tensor, transformed: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """Convolve with a stride of 1 and zeros outside.

    Args:
        x: float32 (N, C, H, W).
        transformed: Kernels, (36, C, K) from ``transform_weight``.
        bias: (K,).

    Returns:
        float32 (N, K, H, W), channels last.
    """
    count, channels, height, width = x.shape
    down, across = -(-height // _TILE), -(-width // _TILE)
    far = (1, 1 + across * _TILE - width, 1, 1 + down * _TILE - height)
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, *far)).contiguous()
    kernels = transformed.shape[2]
    result = x.new_empty(count, down * _TILE, across * _TILE, kernels)
    rows, columns = padded.stride(1), padded.stride(2)
    sources = padded.as_strided(
        (_SPAN, _SPAN, count, down, across, channels),
        (rows, columns, padded.stride(0), _TILE * rows, _TILE * columns, 1),
    )
    targets = result.view(count, down, _TILE, across, _TILE, kernels).permute(2, 4, 0, 1, 3, 5)
    for images, bands in _blocks(count, down, across):
        _convolve_tiles(
            sources[:, :, images, bands], targets[:, :, images, bands], transformed, bias
        )
    return result[:, :height, :width].contiguous().permute(0, 3, 1, 2)


def _convolve_tiles(
    source: torch.Tensor,
    target: torch.Tensor,
    transformed: torch.Tensor,
    bias: torch.Tensor | None,
) -> None:
    """Tiles (6, 6, ..., C) -> (4, 4, ..., K)."""
    matrices = _transforms()
    tiles = matrices.tile @ source.reshape(_SPAN**2, -1)
    products = torch.bmm(tiles.view(_SPAN**2, -1, transformed.shape[1]), transformed)
    found = (matrices.result @ products.view(_SPAN**2, -1)).view(target.shape)
    if bias is None:
        target.copy_(found)
    else:
        torch.add(found, bias, out=target)


def _blocks(count: int, down: int, across: int) -> Iterator[tuple[slice, slice]]:
    """Images and rows of tiles that are computed together."""
    images = max(1, _BLOCK // (down * across))
    bands = down if images > 1 else max(1, min(down, _BLOCK // across))
    for first in range(0, count, images):
        for top in range(0, down, bands):
            yield slice(first, first + images), slice(top, top + bands)


@cache
def _transforms() -> _Transforms:
    """The Toom-Cook matrices, with infinity as the last point."""
    tile, kernel = np.zeros((_SPAN, _SPAN)), np.zeros((_SPAN, 3))
    for place, point in enumerate(_POINTS):
        others = np.delete(_POINTS, place)
        kernel[place] = point ** np.arange(3) / np.prod(point - others)
        tile[place, :-1] = polyfromroots(others)
    kernel[-1, -1] = 1
    tile[-1] = polyfromroots(_POINTS)
    result = np.vander([*_POINTS, 0], _TILE, increasing=True).T
    result[:, -1] = np.arange(_TILE) == _TILE - 1
    return _Transforms(
        torch.from_numpy(np.kron(tile, tile)).float(),
        torch.from_numpy(kernel),
        torch.from_numpy(np.kron(result, result)).float(),
    )
