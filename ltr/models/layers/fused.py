"""Convolutions that add and rectify in the same step, with weights laid out once.

PyTorch's convolutions bring their weights into the order of the convolution library in every
call, and sums and ReLUs after them pass over the memory again. Here the first input brings the
weights into that order, and the library adds and rectifies what is still in the cache. Many
channels are convolved by Winograd's algorithm instead, by tiles or by bands of rows.

Only for inference on a CPU: ``fuse_sequential`` and the functions beside the networks change their
structure, ``pack`` and ``unpack`` change nothing but the layout of the weights.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import NamedTuple, Protocol
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.layers.bands import BandKernels, convolve_by_bands, fits_bands
from ltr.models.layers.dilated import DilatedKernels, convolve_dilated, fits_dilated
from ltr.models.layers.resizing import resize_bicubic
from ltr.models.layers.tiles import TileKernels, convolve_by_tiles
from ltr.models.layers.winograd import fits, pays_by_tiles

_PREPARING = threading.RLock()
_FORMS: WeakKeyDictionary[nn.Module, Hashable] = WeakKeyDictionary()
_WINOGRAD_DILATIONS = (1, 2, 4, 8)


class FusedConv2d(nn.Module):
    """A convolution, what is added to its result, and a ReLU.

    Args:
        conv: The convolution; zeros outside, biased or not.
        rectifies: Whether a ReLU follows.
        is_doubled: Whether the input is doubled before (bicubically).
    """

    def __init__(self, conv: nn.Conv2d, rectifies: bool, is_doubled: bool = False) -> None:
        super().__init__()
        self.conv = conv
        self.rectifies = rectifies
        self.is_doubled = is_doubled
        self._is_packed = False
        self._packed: _PackedWeight | None = None

    def forward(self, x: torch.Tensor, added: torch.Tensor | None = None) -> torch.Tensor:
        """Convolve.

        Args:
            x: (N, C, H, W).
            added: Of the result's shape; the result may be written over it.
        """
        if self._is_packed:
            packed = self._packed or self._pack(x)
            return packed.convolve(x, _After(self.conv.bias, added, self.rectifies))
        y = self.conv(_doubled(x) if self.is_doubled else x)
        y = y if added is None else y + added
        return F.relu(y, inplace=True) if self.rectifies else y

    def _pack(self, x: torch.Tensor) -> _PackedWeight:
        """Lay the weights out, best for inputs of this size, and drop the convolution's own."""
        with _PREPARING:  # trackers in other threads may share the network
            if self._packed is None:
                self._packed = self._best_form(x)
                self.conv.weight.data = self.conv.weight.new_empty(0)
            return self._packed

    def _best_form(self, x: torch.Tensor) -> _PackedWeight:
        if fits_bands(self.conv, x, self.is_doubled):
            return _BandedWeight(self.conv, x, self.is_doubled)
        if self.is_doubled:
            return _DoublingWeight(_ReorderedWeight(self.conv, list(_doubled(x).shape)))
        if fits(self.conv, _WINOGRAD_DILATIONS) and pays_by_tiles(self.conv, x):
            return _TransformedWeight(self.conv, x)
        if fits_dilated(self.conv, x):
            return _DilatedWeight(self.conv, x)
        return _ReorderedWeight(self.conv, list(x.shape))

    def pack(self) -> None:
        """Let the first input lay the weights out for the processor."""
        self._is_packed = True

    def unpack(self) -> None:
        """Give the convolution its own weights back."""
        if self._packed is not None:
            self.conv.weight.data = self._packed.dense()
        self._is_packed, self._packed = False, None


class _After(NamedTuple):
    """What follows the products of a convolution: a bias, a sum and a ReLU."""

    bias: torch.Tensor | None
    added: torch.Tensor | None
    rectifies: bool


class _PackedWeight(Protocol):
    """Weights of a convolution in the order in which they are read."""

    def convolve(self, x: torch.Tensor, after: _After) -> torch.Tensor:
        """See ``FusedConv2d``."""

    def dense(self) -> torch.Tensor:
        """The weights as they were."""


class _ReorderedWeight:
    """Weights in an order of the convolution library, by the operators of PyTorch's compiler."""

    def __init__(self, conv: nn.Conv2d, input_size: list[int]) -> None:
        self._geometry = (
            _pair(conv.padding),
            _pair(conv.stride),
            _pair(conv.dilation),
            conv.groups,
        )
        self._weight = torch.ops.mkldnn._reorder_convolution_weight(
            conv.weight.detach(), *self._geometry, input_size
        )

    def convolve(self, x: torch.Tensor, after: _After) -> torch.Tensor:
        """See ``FusedConv2d``."""
        operators = torch.ops.mkldnn
        arguments = (x, self._weight, after.bias, *self._geometry)
        if after.added is None:
            last = "relu" if after.rectifies else "none"
            return operators._convolution_pointwise(*arguments, last, [], "")
        return operators._convolution_pointwise_.binary(
            after.added, *arguments, "add", 1.0, "relu" if after.rectifies else None, [], None
        )

    def dense(self) -> torch.Tensor:
        """The weights as they were."""
        return self._weight.to_dense().contiguous(memory_format=torch.channels_last)


class _TransformedWeight:
    """Weights of Winograd's algorithm."""

    def __init__(self, conv: nn.Conv2d, x: torch.Tensor) -> None:
        self._kernels = TileKernels(conv.weight, conv.bias, x.shape, conv.dilation[0])

    def convolve(self, x: torch.Tensor, after: _After) -> torch.Tensor:
        """See ``FusedConv2d``."""
        return convolve_by_tiles(x, self._kernels, after.added, after.rectifies)

    def dense(self) -> torch.Tensor:
        """The weights as they were, up to rounding."""
        return self._kernels.dense().contiguous(memory_format=torch.channels_last)


class _DilatedWeight:
    """Weights of a convolution of large dilation, laid out anew for inputs of another size."""

    def __init__(self, conv: nn.Conv2d, x: torch.Tensor) -> None:
        self._kernels = DilatedKernels(conv.weight, conv.dilation[0], x.shape)

    def convolve(self, x: torch.Tensor, after: _After) -> torch.Tensor:
        """See ``FusedConv2d``."""
        kernels = self._kernels
        if kernels.size != x.shape[2:]:
            kernels = DilatedKernels(kernels.dense(), kernels.dilation, x.shape)
            self._kernels = kernels
        return convolve_dilated(x, kernels, after.bias, after.added, after.rectifies)

    def dense(self) -> torch.Tensor:
        """The weights as they were, up to rounding."""
        return self._kernels.dense().contiguous(memory_format=torch.channels_last)


class _BandedWeight:
    """Weights of Winograd's algorithm by bands of rows."""

    def __init__(self, conv: nn.Conv2d, x: torch.Tensor, is_doubled: bool) -> None:
        self._kernels = BandKernels(conv.weight, conv.bias, x.shape, is_doubled)

    def convolve(self, x: torch.Tensor, after: _After) -> torch.Tensor:
        """See ``FusedConv2d``."""
        return convolve_by_bands(x, self._kernels, after.added, after.rectifies)

    def dense(self) -> torch.Tensor:
        """The weights as they were, up to rounding."""
        return self._kernels.dense().contiguous(memory_format=torch.channels_last)


class _DoublingWeight:
    """Weights in any order, of a convolution that doubles its input before."""

    def __init__(self, weight: _PackedWeight) -> None:
        self._weight = weight
        self.dense = weight.dense

    def convolve(self, x: torch.Tensor, after: _After) -> torch.Tensor:
        """See ``FusedConv2d``."""
        return self._weight.convolve(_doubled(x), after)


def _doubled(x: torch.Tensor) -> torch.Tensor:
    return resize_bicubic(x, (2 * x.shape[-2], 2 * x.shape[-1]))


def _pair(sizes: object) -> list[int]:
    assert isinstance(sizes, tuple)  # names of paddings are for training
    return list(sizes)


def split_conv(conv: nn.Conv2d, first: int) -> tuple[nn.Conv2d, nn.Conv2d]:
    """Two convolutions whose results add up to one's: of its first channels, and of the others.

    The convolution keeps the size of its maps. The first part has the bias.
    """
    sizes, parts = (first, conv.in_channels - first), []
    weights, biases = conv.weight.split(sizes, 1), (conv.bias, None)
    for size, weight, bias in zip(sizes, weights, biases, strict=True):
        side = conv.kernel_size[0]
        part = nn.Conv2d(size, conv.out_channels, side, padding=side // 2, bias=bias is not None)
        part.weight = nn.Parameter(weight.detach().clone(), requires_grad=False)
        if bias is not None:
            part.bias = bias
        parts.append(part)
    return parts[0], parts[1]


def fuse_sequential(layers: nn.Sequential) -> None:
    """Fuse the convolutions of a sequence with the ReLUs that follow them, in place.

    Identities, which folded batch norms leave, may lie between.
    """
    names = [name for name, layer in layers.named_children() if not isinstance(layer, nn.Identity)]
    for name, follower in zip(names, [*names[1:], None], strict=True):
        layer = layers.get_submodule(name)
        if not isinstance(layer, nn.Conv2d):
            continue
        rectifies = follower is not None and isinstance(layers.get_submodule(follower), nn.ReLU)
        setattr(layers, name, FusedConv2d(layer, rectifies))
        if rectifies:
            setattr(layers, str(follower), nn.Identity())


def prepare(network: nn.Module, form: Hashable, change: Callable[[], None]) -> None:
    """Bring a network into a form in place, unless it has it: trackers in threads may share one.

    Args:
        network: In any form.
        form: What tells this form from others.
        change: Changes the network, whose convolutions have their own weights again.
    """
    with _PREPARING:
        if _FORMS.get(network) != form:
            unpack(network)
            change()
            _FORMS[network] = form


def pack(network: nn.Module) -> None:
    """Lay out the weights of all fused convolutions of a network."""
    for module in network.modules():
        if isinstance(module, FusedConv2d):
            module.pack()


def unpack(network: nn.Module) -> None:
    """Give all fused convolutions their weights back, for a conversion or an export."""
    with _PREPARING:
        _FORMS.pop(network, None)
        for module in network.modules():
            if isinstance(module, FusedConv2d):
                module.unpack()
