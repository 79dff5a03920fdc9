"""3x3 convolutions in a quarter of the multiplications, for inference on CPUs.

Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, arXiv 1509.09308): tiles of 6x6 values are
transformed, multiplied by transformed kernels as 36 matrix products, and transformed back to 4x4
results. With the interpolation points 0, +-3/4, +-3/2 the rounding errors are a third of those of
the usual 0, +-1, +-2, and like those of the direct form (2 to 3 millionths of the largest value).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.layers.matmul import can_pack, is_exact_inference
from ltr.models.layers.side_by_side import even_part
from ltr.models.layers.toom_cook import toom_cook

_TILE = 4
_SPAN = _TILE + 2
_POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
_BLOCK = 104  # tiles that are transformed together, so that they stay in a core's cache
_GROUPED = ([0, 0], [1, 1], [1, 1], _SPAN**2)  # padding, stride, dilation, groups: 36 products
_KERNELS = 8192  # that are transformed together, in double precision
_MIN_TOGETHER = 24  # tiles; with fewer, reading the kernels takes longer than multiplying
_MIN_TILES = _MIN_TOGETHER  # of an input, below which the direct form is faster
_MIN_CHANNELS, _MIN_OF_MORE = 64, 128  # with fewer, the transforms cost what they save

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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.has_tiles = False
        self._kernels: TileKernels | None = None

    @classmethod
    def of(cls, conv: nn.Conv2d) -> WinogradConv2d:
        """Take over the parameters of a convolution, see ``fits``."""
        own = cls(conv.in_channels, conv.out_channels, 3, padding=1, device="meta")
        own.weight, own.bias = conv.weight, conv.bias
        own.transform()
        return own.train(conv.training)

    def transform(self) -> None:
        """Let the first input transform the kernels."""
        self.has_tiles, self._kernels = True, None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, in, h, w) -> (N, out, h, w)."""
        if not self.has_tiles or not is_exact_inference(x) or not has_enough_tiles(x):
            return super().forward(x)
        if self._kernels is None:
            self._kernels = TileKernels(self.weight, tiles_together(x))
        return convolve_by_tiles(x, self._kernels, self.bias)


def has_enough_tiles(x: torch.Tensor) -> bool:
    """Whether (N, C, H, W) is large enough for the tiles to be faster than the direct form."""
    return len(x) * -(-x.shape[2] // _TILE) * -(-x.shape[3] // _TILE) >= _MIN_TILES


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


def fits(conv: nn.Conv2d, dilations: Collection[int] = (1,)) -> bool:
    """Whether a convolution keeps the size of its maps, is 3x3, of many channels, on a CPU.

    Args:
        conv: Any convolution.
        dilations: Those that are allowed.
    """
    return (
        conv.weight.shape[2:] == (3, 3)
        and conv.stride == (1, 1)
        and conv.padding == conv.dilation
        and conv.dilation in [(step, step) for step in dilations]
        and (conv.groups, conv.padding_mode) == (1, "zeros")
        and min(conv.in_channels, conv.out_channels) >= _MIN_CHANNELS
        and max(conv.in_channels, conv.out_channels) >= _MIN_OF_MORE
        and (conv.weight.device.type, conv.weight.dtype) == ("cpu", torch.float32)
    )


def transform_weight(weight: torch.Tensor) -> torch.Tensor:
    """Kernels (K, C, 3, 3) -> (36, C, K)."""
    outputs, inputs = weight.shape[:2]
    matrix = _transforms().kernel
    spread = torch.kron(matrix, matrix)
    transformed = weight.new_empty(_SPAN**2, outputs, inputs, dtype=torch.float32)
    count = max(1, _KERNELS // inputs)
    for part, kernels in zip(
        transformed.split(count, 1), weight.detach().split(count), strict=True
    ):
        flat = kernels.double().contiguous().view(-1, 9)
        part.copy_((spread @ flat.t()).view(part.shape))
    return transformed.transpose(1, 2)


def restore_weight(transformed: torch.Tensor) -> torch.Tensor:
    """The inverse of ``transform_weight``, up to rounding."""
    matrix = torch.linalg.pinv(_transforms().kernel)
    tiles = transformed.double().unflatten(0, (_SPAN, _SPAN))
    return torch.einsum("ia,abok,jb->koij", matrix, tiles, matrix).float()


class TileKernels:
    """Transformed kernels, laid out for the convolution library where there is one.

    The library's layout depends on the number of tiles, and with another number it would lay the
    kernels out anew in every call, so always as many are multiplied.

    Args:
        weight: Kernels (K, C, 3, 3), on a CPU.
        tiles: How many are multiplied together.
    """

    def __init__(self, weight: torch.Tensor, tiles: int) -> None:
        self.outputs, self.inputs = weight.shape[:2]
        self.tiles = max(_MIN_TOGETHER, tiles)
        self._rows = transform_weight(weight).transpose(1, 2).reshape(-1, self.inputs, 1, 1)
        self._is_packed = can_pack(weight.device)
        if self._is_packed:
            rows = self._rows.contiguous(memory_format=torch.channels_last)
            size = [1, _SPAN**2 * self.inputs, 1, self.tiles]
            self._rows = torch.ops.mkldnn._reorder_convolution_weight(rows, *_GROUPED, size)

    def __deepcopy__(self, memo: object) -> TileKernels:
        return self  # nothing changes them

    def multiply(self, tiles: torch.Tensor) -> torch.Tensor:
        """(tiles, 36, C) -> (tiles, 36, K)."""
        if not self._is_packed:
            kernels = self._rows.view(_SPAN**2, self.outputs, self.inputs)
            return torch.einsum("tac,akc->tak", tiles, kernels)
        if len(tiles) == self.tiles:
            return self._multiply(tiles)
        padded = F.pad(tiles, (0, 0, 0, 0, 0, -len(tiles) % self.tiles))
        parts = [self._multiply(part) for part in padded.split(self.tiles)]
        return (parts[0] if len(parts) == 1 else torch.cat(parts))[: len(tiles)]

    def _multiply(self, tiles: torch.Tensor) -> torch.Tensor:
        pixels = tiles.flatten(1)[None, None].permute(0, 3, 1, 2)
        found = torch.ops.mkldnn._convolution_pointwise(
            pixels, self._rows, None, *_GROUPED, "none", [], ""
        )
        return found.permute(0, 2, 3, 1).view(-1, _SPAN**2, self.outputs)

    def dense(self) -> torch.Tensor:
        """The kernels as they were, up to rounding."""
        rows = self._rows.to_dense() if self._is_packed else self._rows
        shape = (_SPAN**2, self.outputs, self.inputs)
        return restore_weight(rows.reshape(shape).transpose(1, 2))


class _Grid(NamedTuple):
    """How an image is covered by tiles: rows of tiles, and tiles in a row, interlaced ones too."""

    down: int
    across: int
    dilation: int

    @classmethod
    def of(cls, x: torch.Tensor, dilation: int) -> _Grid:
        """The grid of (N, C, H, W)."""
        reach = _TILE * dilation
        return cls(-(-x.shape[2] // reach), -(-x.shape[3] // reach), dilation)

    @property
    def row(self) -> int:
        """Tiles in a row."""
        return self.across * self.dilation**2

    def together(self, count: int, most: int) -> tuple[int, int]:
        """Images, and rows of tiles, that are computed together, in parts of nearly equal size."""
        # Where one image is enough, its number of tiles stays the same for any number of images.
        whole = self.down * self.row
        images = 1 if whole >= _MIN_TOGETHER else even_part(count, most // whole)
        return images, self.down if images > 1 else even_part(self.down, most // self.row)


def tiles_together(x: torch.Tensor, dilation: int = 1) -> int:
    """How many tiles of (N, C, H, W) are best computed together."""
    grid = _Grid.of(x, dilation)
    images, bands = grid.together(len(x), _BLOCK)
    return images * bands * grid.row


def convolve_by_tiles(
    x: torch.Tensor,
    kernels: TileKernels,
    bias: torch.Tensor | None = None,
    dilation: int = 1,
    added: torch.Tensor | None = None,
    rectifies: bool = False,
) -> torch.Tensor:
    """Convolve with a stride of 1 and zeros outside.

    Args:
        x: float32 (N, C, H, W).
        kernels: Transformed.
        bias: (K,).
        dilation: Pixels from one value of a kernel to the next; the values of a tile lie as far
            apart, so tiles interlace.
        added: What is added to the result, of its shape.
        rectifies: Whether a ReLU follows.

    Returns:
        float32 (N, K, H, W), channels last.
    """
    count, channels, height, width = x.shape
    grid, reach = _Grid.of(x, dilation), _TILE * dilation
    down, across, _ = grid
    padded = _surround(x, dilation, (down * reach, across * reach))
    result = x.new_empty(count, down * reach, across * reach, kernels.outputs)
    rows, columns = padded.stride(1), padded.stride(2)
    sources = padded.as_strided(
        (count, down, dilation, across, dilation, _SPAN, _SPAN, channels),
        (
            *(padded.stride(0), reach * rows, rows, reach * columns, columns),
            *(dilation * rows, dilation * columns, 1),
        ),
    )
    is_whole = result.shape[1:3] == (height, width)
    targets = _as_tiles(result, dilation)
    summands = None
    if added is not None and is_whole:
        summands = _as_tiles(added.permute(0, 2, 3, 1), dilation)
    matrices = _transforms()
    for part in _blocks(count, down, *grid.together(count, kernels.tiles)):
        tiles = matrices.tile @ sources[part].reshape(-1, _SPAN**2, channels)
        found = (matrices.result @ kernels.multiply(tiles)).view(targets[part].shape)
        for summand in (bias, None if summands is None else summands[part]):
            if summand is not None:
                found += summand
        if rectifies and (added is None or is_whole):
            torch.clamp_min(found, 0, out=targets[part])
        else:
            targets[part].copy_(found)
    y = result[:, :height, :width].contiguous().permute(0, 3, 1, 2)
    if added is None or is_whole:
        return y
    y += added
    return y.relu_() if rectifies else y


def _surround(x: torch.Tensor, margin: int, size: tuple[int, int]) -> torch.Tensor:
    """Maps (N, C, h, w) in the corner of zeros, (N, H + 2 * margin, W + 2 * margin, C).

    The zeros are written at the borders alone.
    """
    height, width = x.shape[2:]
    whole = x.new_empty(len(x), size[0] + 2 * margin, size[1] + 2 * margin, x.shape[1])
    inside = whole[:, margin : margin + height]
    whole[:, :margin] = 0
    whole[:, margin + height :] = 0
    inside[:, :, :margin] = 0
    inside[:, :, margin + width :] = 0
    inside[:, :, margin : margin + width] = x.permute(0, 2, 3, 1)
    return whole


def _as_tiles(maps: torch.Tensor, dilation: int) -> torch.Tensor:
    """Maps (N, H, W, K) of whole tiles, seen as (N, down, d, across, d, 4, 4, K)."""
    split = (-1, _TILE, dilation)
    return maps.unflatten(2, split).unflatten(1, split).permute(0, 1, 3, 4, 6, 2, 5, 7)


def _blocks(count: int, down: int, images: int, bands: int) -> Iterator[tuple[slice, slice]]:
    """Images and rows of tiles that are computed together."""
    for first in range(0, count, images):
        for top in range(0, down, bands):
            yield slice(first, first + images), slice(top, top + bands)


@cache
def _transforms() -> _Transforms:
    """The matrices of flat tiles, and of a side of kernels."""
    tile, kernel, result = toom_cook(_POINTS)
    return _Transforms(
        torch.from_numpy(np.kron(tile, tile)).float(),
        torch.from_numpy(kernel),
        torch.from_numpy(np.kron(result, result)).float(),
    )
