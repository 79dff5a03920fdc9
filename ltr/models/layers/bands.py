"""3x3 convolutions of few channels in half of the multiplications, for inference on CPUs.

Winograd's minimal filtering F(6, 3), down the columns alone: bands of 8 rows are transformed, each
of the 8 transformed rows is convolved along its length, and 8 rows make 6 rows of results. Where
maps have few channels this is faster than tiles (``winograd``), whose transforms cost as much as
their products, and its few, large steps keep several threads busy. Rounding errors are like those
of tiles (2 millionths of the largest value). Rows may be doubled on the way: the matrix of the
enlargement and that of the transform are one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.layers.banded import Run, find_runs
from ltr.models.layers.matmul import can_pack
from ltr.models.layers.plain_conv import is_long_enough, is_plain
from ltr.models.layers.resizing import doubling_matrix, resize_bicubic
from ltr.models.layers.side_by_side import even_part
from ltr.models.layers.toom_cook import toom_cook

_POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
_BIASED = _POINTS.index(1.0)  # its products count once in every row of results
_ROWS = len(_POINTS) - 1
_SPAN = _ROWS + 2
_ALONG = ([0, 1], [1, 1], [1, 1], 1)  # padding, stride, dilation, groups: a row and its neighbours
_MOST = 280_000  # values of one transformed row of all bands that are computed together
_MIN_CHANNELS, _MAX_CHANNELS = 32, 96  # of the thinner side; one side has _MANY
_MANY = 64
_MIN_BANDS = 3
_MIN_PRODUCTS = 24_000_000  # of maps with a tap of the kernels


class BandKernels:
    """Transformed kernels, laid out for the convolution library.

    Args:
        weight: Kernels (K, C, 3, 3), on a CPU.
        bias: (K,).
        size: (N, C, H, W) of the inputs; others are convolved, too, but more slowly.
        is_doubled: Whether the inputs are to be doubled before the convolution.
    """

    def __init__(
        self, weight: torch.Tensor, bias: torch.Tensor | None, size: torch.Size, is_doubled: bool
    ) -> None:
        self.outputs, self.inputs = weight.shape[:2]
        self.is_doubled = is_doubled
        self._bias = bias
        kernel = torch.from_numpy(toom_cook(_POINTS).kernel)
        spread = torch.einsum("ac,koce->akoe", kernel, weight.detach().double())
        factor = 2 if is_doubled else 1
        count, _, height, width = size
        images, bands = _together(count, -(-factor * height // _ROWS), factor * width * self.inputs)
        sample = [1, self.inputs, images * bands, factor * width]
        self._kernels = [
            torch.ops.mkldnn._reorder_convolution_weight(
                part.float()[:, :, None].contiguous(), *_ALONG, sample
            )
            for part in spread
        ]

    def __deepcopy__(self, memo: object) -> BandKernels:
        return self  # nothing changes them

    def multiply(self, bands: torch.Tensor, width: int) -> torch.Tensor:
        """(bands, 8, W * C) -> (8, bands, W * K), along the rows."""
        products = []
        for place, (rows, kernel) in enumerate(zip(bands.unbind(1), self._kernels, strict=True)):
            pixels = rows.unflatten(1, (width, self.inputs))[None].permute(0, 3, 1, 2)
            bias = self._bias if place == _BIASED else None
            found = torch.ops.mkldnn._convolution_pointwise(
                pixels, kernel, bias, *_ALONG, "none", [], ""
            )
            products.append(found.permute(0, 2, 3, 1).flatten(2)[0])
        return torch.stack(products)

    def dense(self) -> torch.Tensor:
        """The kernels as they were, up to rounding."""
        spread = torch.stack([kernel.to_dense() for kernel in self._kernels])[..., 0, :].double()
        back = torch.linalg.pinv(torch.from_numpy(toom_cook(_POINTS).kernel))
        return torch.einsum("ca,akoe->koce", back, spread).float()


def fits_bands(conv: nn.Conv2d, x: torch.Tensor, is_doubled: bool = False) -> bool:
    """Whether a convolution of (N, C, H, W) on a CPU is faster by bands than by tiles."""
    channels = sorted((conv.in_channels, conv.out_channels))
    factor = 2 if is_doubled else 1
    height, products = factor * x.shape[2], factor**2 * x.numel() * conv.out_channels
    return (
        is_plain(conv)
        and conv.dilation == (1, 1)
        and channels[0] >= _MIN_CHANNELS
        and channels[0] <= _MAX_CHANNELS
        and channels[1] >= _MANY
        and height >= _MIN_BANDS * _ROWS
        and is_long_enough(products, _MIN_PRODUCTS)
        and can_pack(conv.weight.device)
    )


def convolve_by_bands(
    x: torch.Tensor,
    kernels: BandKernels,
    added: torch.Tensor | None = None,
    rectifies: bool = False,
) -> torch.Tensor:
    """Convolve with a stride of 1 and zeros outside.

    Args:
        x: float32 (N, C, H, W).
        kernels: Transformed; they say whether x is doubled before.
        added: What is added to the result, of its shape; it is overwritten.
        rectifies: Whether a ReLU follows.

    Returns:
        float32 (N, K, H, W), or twice as high and wide.
    """
    count, _, height, _ = x.shape
    if kernels.is_doubled:
        height *= 2
        x = resize_bicubic(x, (x.shape[2], 2 * x.shape[3]))
    pixels = x.permute(0, 2, 3, 1).contiguous()
    width = pixels.shape[2]
    shape = (count, height, width, kernels.outputs)
    result = x.new_empty(shape) if added is None else added.permute(0, 2, 3, 1).contiguous()
    runs = _runs(height, kernels.is_doubled)
    down = -(-height // _ROWS)
    for images, bands in _parts(count, down, width * kernels.inputs):
        sources, targets = pixels[images].flatten(2), result[images].flatten(2)
        transformed = _transform(sources, runs, bands)
        products = kernels.multiply(transformed, width).unflatten(1, (len(sources), -1))
        for index, target in enumerate(targets):
            part = target[_ROWS * bands.start : _ROWS * bands.stop]
            _collect(products[:, index], part, added is not None)
            if rectifies:
                part.clamp_min_(0)
    return result.permute(0, 3, 1, 2)


def _transform(sources: torch.Tensor, runs: tuple[Run, ...], bands: slice) -> torch.Tensor:
    """Rows of maps (N, H, row) -> (N * bands, 8, row)."""
    count, _, row = sources.shape
    transformed = sources.new_empty(count, bands.stop - bands.start, _SPAN, row)
    for run in runs:
        for maps, target in zip(sources, transformed, strict=True):
            run.apply(maps, bands, target)
    return transformed.flatten(0, 1)


def _collect(products: torch.Tensor, target: torch.Tensor, is_added: bool) -> None:
    """Make (8, bands, row) the rows (height, row) of a target, or add them to these."""
    whole, rest = divmod(len(target), _ROWS)
    by_band, result = products.transpose(0, 1), _result()
    parts = [(by_band[:whole], result, target[: _ROWS * whole].unflatten(0, (whole, _ROWS)))]
    if rest:
        parts.append((by_band[whole:], result[:rest], target[None, _ROWS * whole :]))
    for values, matrix, rows in parts:
        matrices = matrix.expand(len(values), -1, -1)
        if is_added:
            rows.baddbmm_(matrices, values)
        else:
            torch.bmm(matrices, values, out=rows)


def _parts(count: int, down: int, row: int) -> Iterator[tuple[slice, slice]]:
    """Images and bands that are computed together."""
    images, bands = _together(count, down, row)
    for first in range(0, count, images):
        for top in range(0, down, bands):
            yield slice(first, min(first + images, count)), slice(top, min(top + bands, down))


def _together(count: int, down: int, row: int) -> tuple[int, int]:
    """How many images and bands, in parts of nearly equal size."""
    images = even_part(count, _MOST // (down * row))
    return images, down if images > 1 else even_part(down, _MOST // row)


@cache
def _runs(height: int, is_doubled: bool) -> tuple[Run, ...]:
    """How the bands of maps of a height, after the doubling, read the rows of the maps."""
    given = height // 2 if is_doubled else height
    rows = doubling_matrix(given) if is_doubled else torch.eye(given, dtype=torch.float64)
    tile, step = torch.from_numpy(toom_cook(_POINTS).tile), _ROWS // (2 if is_doubled else 1)
    down = -(-height // _ROWS)
    padded = F.pad(rows, (0, 0, 1, _ROWS * down + 1 - height))
    starts = range(0, _ROWS * down, _ROWS)
    return find_runs(((tile @ padded[start : start + _SPAN]).float() for start in starts), step)


@cache
def _result() -> torch.Tensor:
    return torch.from_numpy(toom_cook(_POINTS).result).float()
