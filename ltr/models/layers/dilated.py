"""3x3 convolutions of large dilation in half of the multiplications, for inference on CPUs.

Pixels that lie a dilation apart are images of their own, a few pixels wide. Each is cut into tiles
of a height and a width that suit it, which are transformed as in Winograd's algorithm
(``toom_cook``). Where one tile covers an image, what it reads outside is zero and is left out.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.layers.matmul import can_pack
from ltr.models.layers.plain_conv import is_plain
from ltr.models.layers.toom_cook import toom_cook

_POINTS = {  # of interpolation, by the results of a side of a tile; they keep rounding errors small
    3: (0.0, 0.75, -0.75, 1.5),
    4: (0.0, 0.75, -0.75, 1.5, -1.5),
    5: (0.0, 0.5, -0.75, 1.0, -1.5, 2.0),
    6: (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5),
}
_PAIR = ([[1, 1], [0, 1], [1, 0]], [[0, 1, 0], [0, -1, 1], [1, -1, 0]], [[1, 1, 0], [1, 0, 1]])
_READING = 20  # tiles: so many are multiplied while a kernel is read
_LEAST_GAIN = 1.4  # of products, for the transforms to pay
_MIN_DILATION = 5  # below, tiles of one kind serve all sizes
_MIN_CHANNELS = 256  # of the inputs; with fewer, the transforms cost what they save


class _Cut(NamedTuple):
    """How the interlaced images are cut along one side.

    Args:
        dilation: Pixels from one pixel of an image to the next; so many images interlace.
        tiles: Of an image.
        margin: Pixels of an image before its first tile that tiles read.
        tile: From the values that a tile reads to those that are multiplied, float64.
        kernel: The same of the three taps.
        result: From products to results.
    """

    dilation: int
    tiles: int
    margin: int
    tile: torch.Tensor
    kernel: torch.Tensor
    result: torch.Tensor

    @property
    def padding(self) -> int:
        """Pixels before the maps."""
        return self.margin * self.dilation

    @property
    def length(self) -> int:
        """Pixels of the results, those beyond the maps included."""
        return self.tiles * len(self.result) * self.dilation

    @property
    def products(self) -> int:
        """Of all images."""
        return self.dilation * self.tiles * len(self.tile)


@cache
def _cut(dilation: int, length: int, results: int) -> _Cut:
    """Cut images of maps of a length into tiles of so many results."""
    tiles = -(-length // (dilation * results))
    if results == 2:  # two pixels in zeros: three products
        matrices = [torch.tensor(rows, dtype=torch.float64) for rows in _PAIR]
        return _Cut(dilation, tiles, 0, *matrices)
    tile, kernel, result = (torch.from_numpy(part) for part in toom_cook(_POINTS[results]))
    if tiles == 1:
        return _Cut(dilation, tiles, 0, tile[:, 1:-1], kernel, result)
    return _Cut(dilation, tiles, 1, tile, kernel, result)


def _cuts(dilation: int, length: int) -> list[_Cut]:
    """The ways to cut maps of a length."""
    pair = [2] if length <= 2 * dilation else []
    return [_cut(dilation, length, results) for results in (*pair, *_POINTS)]


class _Grid(NamedTuple):
    """How maps are cut: along columns, and along rows."""

    down: _Cut
    across: _Cut

    @classmethod
    def best(cls, size: torch.Size, dilation: int) -> _Grid:
        """The fastest for maps (N, C, H, W)."""
        pairs = product(*(_cuts(dilation, length) for length in size[2:]))
        return min((cls(*pair) for pair in pairs), key=lambda grid: grid.cost)

    @property
    def groups(self) -> int:
        """Products of a tile."""
        return len(self.down.tile) * len(self.across.tile)

    @property
    def tiles(self) -> int:
        """Of all images of a sample."""
        return self.down.products * self.across.products // self.groups

    @property
    def cost(self) -> int:
        """Products, and the reading of kernels."""
        return self.groups * (self.tiles + _READING)

    def spread(self, part: str) -> torch.Tensor:
        """The matrix of flat tiles, kernels or results, float64."""
        return torch.kron(*(getattr(cut, part).contiguous() for cut in self))


class DilatedKernels:
    """Transformed kernels, laid out for the convolution library.

    Args:
        weight: Kernels (K, C, 3, 3), on a CPU.
        dilation: Pixels from one value of a kernel to the next.
        size: (N, C, H, W) of the inputs.
    """

    def __init__(self, weight: torch.Tensor, dilation: int, size: torch.Size) -> None:
        self.size, self.dilation = size[2:], dilation
        self._grid = _Grid.best(size, dilation)
        self.outputs, self.inputs = weight.shape[:2]
        spread = self._grid.spread("kernel").float()
        rows = spread @ weight.detach().contiguous().view(-1, 9).t()
        rows = rows.view(-1, self.inputs, 1, 1).contiguous(memory_format=torch.channels_last)
        self._tile, self._result = (self._grid.spread(part).float() for part in ("tile", "result"))
        self._geometry = [0, 0], [1, 1], [1, 1], self._grid.groups
        sample = [1, self._grid.groups * self.inputs, 1, self._grid.tiles]
        self._rows = torch.ops.mkldnn._reorder_convolution_weight(rows, *self._geometry, sample)

    def __deepcopy__(self, memo: object) -> DilatedKernels:
        return self  # nothing changes them

    def convolve(self, pixels: torch.Tensor) -> torch.Tensor:
        """Maps (H, W, C) of one sample -> (H, W, K)."""
        down, across = self._grid
        tiles = torch.matmul(self._tile, self._take(pixels)).view(1, 1, self._grid.tiles, -1)
        products = torch.ops.mkldnn._convolution_pointwise(
            tiles.permute(0, 3, 1, 2), self._rows, None, *self._geometry, "none", [], ""
        )
        by_tile = products.permute(0, 2, 3, 1).reshape(-1, self._grid.groups, self.outputs)
        found = torch.matmul(self._result, by_tile).view(
            *(down.tiles, down.dilation, across.tiles, across.dilation),
            *(len(down.result), len(across.result), self.outputs),
        )
        whole = found.permute(0, 4, 1, 2, 5, 3, 6).reshape(down.length, across.length, -1)
        return whole[: self.size[0], : self.size[1]]

    def _take(self, pixels: torch.Tensor) -> torch.Tensor:
        """What every tile reads, (tiles, values, C)."""
        down, across = self._grid
        lengths = zip(self._grid, self.size, strict=True)
        ends = [(cut.padding, cut.padding + cut.length - length) for cut, length in lengths]
        padded = F.pad(pixels, (0, 0, *ends[1], *ends[0]))
        row, column = padded.stride()[:2]
        steps = [(cut.dilation * stride, stride) for cut, stride in ((down, row), (across, column))]
        windows = padded.as_strided(
            (
                *(down.tiles, down.dilation, across.tiles, across.dilation),
                *(down.tile.shape[1], across.tile.shape[1], self.inputs),
            ),
            (
                *(len(down.result) * steps[0][0], row, len(across.result) * steps[1][0], column),
                *(steps[0][0], steps[1][0], 1),
            ),
        )
        return windows.reshape(self._grid.tiles, -1, self.inputs)

    def dense(self) -> torch.Tensor:
        """The kernels as they were, up to rounding."""
        back = torch.linalg.pinv(self._grid.spread("kernel"))
        flat = self._rows.to_dense().reshape(self._grid.groups, -1).double()
        return (back @ flat).t().reshape(self.outputs, self.inputs, 3, 3).float()


def fits_dilated(conv: nn.Conv2d, x: torch.Tensor) -> bool:
    """Whether a convolution of (N, C, H, W) on a CPU is faster in this way than directly."""
    dilation = conv.dilation[0]
    may_fit = is_plain(conv) and dilation >= _MIN_DILATION and conv.in_channels >= _MIN_CHANNELS
    if not (may_fit and can_pack(conv.weight.device)):
        return False
    down, across = (_taps_inside(dilation, length) for length in x.shape[2:])
    return down * across > _LEAST_GAIN * _Grid.best(x.shape, dilation).cost


def _taps_inside(dilation: int, length: int) -> int:
    """Products of a direct form along a side, which leaves out the zeros outside."""
    return length + 2 * max(0, length - dilation)


def convolve_dilated(
    x: torch.Tensor,
    kernels: DilatedKernels,
    bias: torch.Tensor | None = None,
    added: torch.Tensor | None = None,
    rectifies: bool = False,
) -> torch.Tensor:
    """Convolve with a stride of 1 and zeros outside.

    Args:
        x: float32 (N, C, H, W), of the size for which the kernels were laid out.
        kernels: Transformed.
        bias: (K,).
        added: What is added to the result, of its shape.
        rectifies: Whether a ReLU follows.

    Returns:
        float32 (N, K, H, W), channels last.
    """
    found = [kernels.convolve(pixels) for pixels in x.permute(0, 2, 3, 1)]
    y = torch.stack(found).permute(0, 3, 1, 2)
    for summand in (None if bias is None else bias[:, None, None], added):
        if summand is not None:
            y += summand
    return y.relu_() if rectifies else y
