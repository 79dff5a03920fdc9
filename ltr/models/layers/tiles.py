"""3x3 convolutions in a fifth of the multiplications, for inference on CPUs.

Winograd's minimal filtering F(6x6, 3x3) or F(4x4, 3x3), whichever takes fewer products (Lavin and
Gray, arXiv 1509.09308): overlapping tiles are transformed along their columns and rows, multiplied
by transformed kernels as 64 or 36 matrix products, and transformed back to 6x6 or 4x4 results.
Rounding errors are 20 or 3 millionths of the largest value; those of the direct form are 2.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F

from ltr.models.layers.matmul import can_pack
from ltr.models.layers.toom_cook import toom_cook

_POINTS = {  # of interpolation, by the side of a tile's results
    4: (0.0, 0.75, -0.75, 1.5, -1.5),  # a third of the rounding errors of 0, 1, -1, 2, -2
    6: (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5),
}
_BLOCK = 108  # tiles that are transformed together
_KERNELS = 8192  # that are transformed together, in double precision
_MIN_TOGETHER = 24  # tiles; with fewer, reading the kernels takes longer than multiplying


class _Transforms(NamedTuple):
    """Matrices of a side: of tiles (s, s), kernels (s, 3) and results (t, s); what a bias becomes.

    The bias is added to the products, of a tile (s * s,), such that every result has it once.
    """

    tile: torch.Tensor
    kernel: torch.Tensor
    result: torch.Tensor
    bias: torch.Tensor


@cache
def _transforms(side: int) -> _Transforms:
    """The matrices for ``side`` results; those of kernels and biases are float64."""
    tile, kernel, result = (torch.from_numpy(matrix) for matrix in toom_cook(_POINTS[side]))
    ones = torch.linalg.lstsq(result, result.new_ones(side, 1)).solution[:, 0]
    return _Transforms(tile.float(), kernel, result.float(), torch.outer(ones, ones).flatten())


class _Grid(NamedTuple):
    """How maps are covered by tiles.

    Args:
        side: Results of a tile, in a row and in a column.
        dilation: Maps are taken apart into as many interlaced images, in a row and in a column.
        images: Of all maps together.
        down: Bands of an image.
        across: Tiles of a band.
    """

    side: int
    dilation: int
    images: int
    down: int
    across: int

    @classmethod
    def of(cls, size: torch.Size, side: int, dilation: int) -> _Grid:
        """The grid of maps (N, C, H, W)."""
        reach = side * dilation
        return cls(
            side, dilation, size[0] * dilation**2, -(-size[2] // reach), -(-size[3] // reach)
        )

    @property
    def span(self) -> int:
        """Values that a tile reads, in a row and in a column."""
        return self.side + 2

    @property
    def products(self) -> int:
        """How many a channel takes, those of tiles that fill the last part up included."""
        tiles = self.images * self.down * self.across
        return -(-tiles // self.together) * self.together * self.span**2

    @property
    def together(self) -> int:
        """How many tiles are best computed together, so that the last part is nearly full."""
        # Where one image is enough, its number of tiles stays the same for any number of images.
        whole = self.down if self.down * self.across >= _MIN_TOGETHER else self.images * self.down
        most = max(1, min(whole, _BLOCK // self.across))
        bands = min(range(most, most // 2, -1), key=lambda bands: -whole % bands)
        return max(_MIN_TOGETHER, bands * self.across)


class TileKernels:
    """Transformed kernels, laid out for the convolution library where there is one.

    The library's layout depends on the number of tiles, and with another number it would lay the
    kernels out anew in every call, so always as many are multiplied.

    Args:
        weight: Kernels (K, C, 3, 3), on a CPU.
        bias: (K,).
        size: (N, C, H, W) of the inputs; others are convolved, too, but more slowly.
        dilation: Pixels from one value of a kernel to the next.
    """

    def __init__(
        self, weight: torch.Tensor, bias: torch.Tensor | None, size: torch.Size, dilation: int = 1
    ) -> None:
        self.outputs, self.inputs = weight.shape[:2]
        self.dilation = dilation
        grids = [_Grid.of(size, side, dilation) for side in _POINTS]
        grid = min(grids, key=lambda grid: grid.products)
        self.side, self.tiles = grid.side, grid.together
        self._groups = grid.span**2
        self._bias = None
        if bias is not None:
            spread = torch.outer(_transforms(self.side).bias, bias.detach().double())
            self._bias = spread.float().flatten()
        self._rows = _transform_weight(weight, self.side).reshape(-1, self.inputs, 1, 1)
        self._is_packed = can_pack(weight.device)
        if self._is_packed:
            rows = self._rows.contiguous(memory_format=torch.channels_last)
            sample = [1, self._groups * self.inputs, 1, self.tiles]
            self._rows = torch.ops.mkldnn._reorder_convolution_weight(rows, *self._geometry, sample)

    @property
    def _geometry(self) -> tuple[list[int], list[int], list[int], int]:
        """Padding, stride, dilation and groups of the convolution that multiplies."""
        return [0, 0], [1, 1], [1, 1], self._groups

    def __deepcopy__(self, memo: object) -> TileKernels:
        return self  # nothing changes them

    def multiply(self, tiles: torch.Tensor) -> torch.Tensor:
        """(tiles, s * s * C) -> (tiles, s * s * K)."""
        if not self._is_packed:
            kernels = self._rows.view(self._groups, self.outputs, self.inputs)
            values = tiles.unflatten(1, (self._groups, self.inputs))
            found = torch.einsum("tac,akc->tak", values, kernels).flatten(1)
            return found if self._bias is None else found + self._bias
        if len(tiles) == self.tiles:
            return self._multiply(tiles)
        padded = F.pad(tiles, (0, 0, 0, -len(tiles) % self.tiles))
        parts = [self._multiply(part) for part in padded.split(self.tiles)]
        return (parts[0] if len(parts) == 1 else torch.cat(parts))[: len(tiles)]

    def _multiply(self, tiles: torch.Tensor) -> torch.Tensor:
        pixels = tiles[None, None].permute(0, 3, 1, 2)
        found = torch.ops.mkldnn._convolution_pointwise(
            pixels, self._rows, self._bias, *self._geometry, "none", [], ""
        )
        return found.permute(0, 2, 3, 1)[0, 0]

    def dense(self) -> torch.Tensor:
        """The kernels as they were, up to rounding."""
        rows = self._rows.to_dense() if self._is_packed else self._rows
        span = self.side + 2
        tiles = rows.double().reshape(span, span, self.outputs, self.inputs)
        back = torch.linalg.pinv(_transforms(self.side).kernel)
        return torch.einsum("ia,abok,jb->okij", back, tiles, back).float()


def _transform_weight(weight: torch.Tensor, side: int) -> torch.Tensor:
    """Kernels (K, C, 3, 3) -> (s * s, K, C)."""
    outputs, inputs = weight.shape[:2]
    matrix = _transforms(side).kernel
    spread = torch.kron(matrix, matrix)
    transformed = weight.new_empty(len(spread), outputs, inputs, dtype=torch.float32)
    count = max(1, _KERNELS // inputs)
    for part, kernels in zip(
        transformed.split(count, 1), weight.detach().split(count), strict=True
    ):
        flat = kernels.double().contiguous().view(-1, 9)
        part.copy_((spread @ flat.t()).view(part.shape))
    return transformed


def convolve_by_tiles(
    x: torch.Tensor,
    kernels: TileKernels,
    added: torch.Tensor | None = None,
    rectifies: bool = False,
) -> torch.Tensor:
    """Convolve with a stride of 1 and zeros outside.

    Args:
        x: float32 (N, C, H, W).
        kernels: Transformed.
        added: What is added to the result, of its shape.
        rectifies: Whether a ReLU follows.

    Returns:
        float32 (N, K, H, W), channels last.
    """
    count, _, height, width = x.shape
    grid = _Grid.of(x.shape, kernels.side, kernels.dilation)
    lines = _Lines(x, grid)
    result = x.new_empty(count, height, width, kernels.outputs)
    summands = None if added is None else added.permute(0, 2, 3, 1)
    bands, together = grid.images * grid.down, max(1, kernels.tiles // grid.across)
    for first in range(0, bands, together):
        part = range(first, min(bands, first + together))
        tiles = lines.transform(part, max(kernels.tiles, grid.across))
        found = _results(kernels.multiply(tiles)[: len(part) * grid.across], grid)
        for band, values in zip(part, found.split(grid.across), strict=True):
            summand = None if summands is None else _band(summands, band, grid)
            _write(values, summand, rectifies, _band(result, band, grid))
    return result.permute(0, 3, 1, 2)


class _Lines:
    """Maps in zeros, in lines of whole tiles that are read without gaps.

    Args:
        x: (N, C, H, W).
        grid: Of its tiles.
    """

    def __init__(self, x: torch.Tensor, grid: _Grid) -> None:
        step, height, width = grid.dilation, *x.shape[2:]
        self._grid, self._channels = grid, x.shape[1]
        self._rows = grid.down * grid.side + 2
        # The last tile of a line may read one value of the next line, which is zero, but not two.
        self._tiles = -(-(-(-width // step) + 1) // grid.side)
        shape = (grid.images, self._rows, self._tiles * grid.side, self._channels)
        length = shape[0] * shape[1] * shape[2]
        self._pixels = x.new_empty(length + grid.span, self._channels)
        self._pixels[length:] = 0
        images = self._pixels[:length].view(shape)
        images[:, :1], images[:, 1 + height // step :] = 0, 0
        inside = images[:, 1 : 1 + height // step]
        inside[:, :, :1], inside[:, :, 1 + width // step :] = 0, 0
        phases = images.unflatten(0, (-1, step, step))
        for top in range(step):
            for left in range(step):
                pixels = x[:, :, top::step, left::step].permute(0, 2, 3, 1)
                rows, columns = pixels.shape[1:3]
                phases[:, top, left, 1 : 1 + rows, 1 : 1 + columns] = pixels

    def transform(self, bands: range, room: int) -> torch.Tensor:
        """Transform the tiles of some bands of all images.

        Args:
            bands: Not empty.
            room: Tiles that are returned; what is left after those of the bands is zero.

        Returns:
            (room, s * s * C).
        """
        grid, span, channels = self._grid, self._grid.span, self._channels
        tiles = self._pixels.new_empty(room, span**2 * channels)
        tiles[len(bands) * grid.across :] = 0
        matrix = _transforms(grid.side).tile
        starts = [self._row(band) for band in bands]
        rows = starts[-1] + span - starts[0]
        windows = self._pixels.as_strided(
            (rows * self._tiles, span, channels),
            (grid.side * channels, channels, 1),
            starts[0] * self._tiles * grid.side * channels,
        )
        flat = torch.bmm(matrix.expand(len(windows), -1, -1), windows)
        half = flat.view(rows, self._tiles, span * channels)[:, : grid.across]
        matrices = matrix.expand(grid.across, -1, -1)
        for start, target in zip(starts, tiles.split(grid.across), strict=False):
            top = start - starts[0]
            columns = half[top : top + span].transpose(0, 1)
            torch.bmm(matrices, columns, out=target.view(columns.shape))
        return tiles

    def _row(self, band: int) -> int:
        """Where a band begins."""
        image, place = divmod(band, self._grid.down)
        return image * self._rows + place * self._grid.side


def _results(products: torch.Tensor, grid: _Grid) -> torch.Tensor:
    """Products of tiles (n, s * s * K) -> (n, t, t, K)."""
    matrix, span = _transforms(grid.side).result, grid.span
    rows = products.reshape(len(products) * span, span, -1)
    half = torch.bmm(matrix.expand(len(rows), -1, -1), rows)
    columns = half.view(len(products), span, -1)
    whole = torch.bmm(matrix.expand(len(columns), -1, -1), columns)
    return whole.view(len(products), grid.side, grid.side, -1)


def _band(maps: torch.Tensor, band: int, grid: _Grid) -> torch.Tensor:
    """What a band covers of maps (N, H, W, K), without what lies outside: (rows, width, K)."""
    image, place = divmod(band, grid.down)
    index, phase = divmod(image, grid.dilation**2)
    top, left = divmod(phase, grid.dilation)
    rows = maps[index, top :: grid.dilation, left :: grid.dilation]
    return rows[place * grid.side : (place + 1) * grid.side]


def _write(
    tiles: torch.Tensor, added: torch.Tensor | None, rectifies: bool, target: torch.Tensor
) -> None:
    """Put the results of a band (across, t, t, K) to their place (rows, width, K)."""
    side, (rows, width) = tiles.shape[1], target.shape[:2]
    whole, rest = divmod(width, side)
    values = tiles[:, :rows].transpose(0, 1)
    if whole:
        inside = target[:, : width - rest].unflatten(1, (whole, side))
        summand = None if added is None else added[:, : width - rest].unflatten(1, (whole, side))
        _finish(values[:, :whole], summand, rectifies, inside)
    if rest:
        summand = None if added is None else added[:, width - rest :]
        _finish(values[:, whole, :rest], summand, rectifies, target[:, width - rest :])


def _finish(
    values: torch.Tensor, added: torch.Tensor | None, rectifies: bool, target: torch.Tensor
) -> None:
    """Add and rectify on the way."""
    if added is not None:
        torch.add(values, added, out=target)
    if rectifies:
        torch.clamp_min(values if added is None else target, 0, out=target)
    elif added is None:
        target.copy_(values)
