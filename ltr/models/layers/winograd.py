"""3x3 convolutions of many channels by transformed tiles (``tiles``), for inference on CPUs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

import torch
from torch import nn

from ltr.models.layers.matmul import is_exact_inference
from ltr.models.layers.plain_conv import is_long_enough, is_plain
from ltr.models.layers.tiles import TileKernels, convolve_by_tiles

_MIN_TILES, _MIN_OF_IMAGE = 24, 12  # of 4x4 results; with fewer, the direct form is faster
_MIN_PRODUCTS = 750_000  # of a row of results with a tap of the kernels
_MIN_CHANNELS, _MIN_OF_MORE = 64, 128  # with fewer, the transforms cost what they save

Network = TypeVar("Network", bound=nn.Module)


class WinogradConv2d(nn.Conv2d):
    """A convolution that may keep its transformed kernels as well, see ``use_winograd``.

    Where they do not help (gradients, a GPU, another type, few positions) it computes the direct
    form. The transformed kernels take four or seven times the room of the kernels.
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
        if not self.has_tiles or not is_exact_inference(x) or not pays_by_tiles(self, x):
            return super().forward(x)
        if self._kernels is None:
            self._kernels = TileKernels(self.weight, self.bias, x.shape)
        return convolve_by_tiles(x, self._kernels)


def pays_by_tiles(conv: nn.Conv2d, x: torch.Tensor) -> bool:
    """Whether (N, C, H, W) is large enough for the tiles to be faster than the direct form."""
    count, inputs, height, width = x.shape
    of_image = -(-height // 4) * -(-width // 4)
    has_enough = of_image >= _MIN_OF_IMAGE and count * of_image >= _MIN_TILES
    return has_enough and is_long_enough(width * inputs * conv.out_channels, _MIN_PRODUCTS)


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
    """Whether a plain convolution has many channels.

    Args:
        conv: Any convolution.
        dilations: Those that are allowed.
    """
    return (
        is_plain(conv)
        and conv.dilation[0] in dilations
        and min(conv.in_channels, conv.out_channels) >= _MIN_CHANNELS
        and max(conv.in_channels, conv.out_channels) >= _MIN_OF_MORE
    )
