"""Large matrix products, computed on CPUs by the convolution library.

Single-precision 1x1 convolutions run about twice as fast as the same matrix products on CPUs where
the matrix library does not use the full vector width (measured: 450 against 220 GFLOP/s on two
cores), and equally fast elsewhere.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

After = Literal["none", "sigmoid", "relu"]  # what follows a product


def can_pack(device: torch.device) -> bool:
    """Whether this PyTorch and a device have the operators that PyTorch's compiler fuses into."""
    is_there = hasattr(torch.ops.mkldnn, "_reorder_convolution_weight")
    return device.type == "cpu" and torch.backends.mkldnn.is_available() and is_there


def is_exact_inference(x: torch.Tensor) -> bool:
    """Whether something is computed in single precision on a CPU, without gradients."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and _is_inference()


def _is_inference() -> bool:
    """Whether on a CPU nothing is recorded, and only the types of the tensors decide precision."""
    return not torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")


class PackedLinear:
    """``x @ weight.T + bias`` with a weight that is laid out once for the processor.

    Args:
        weight: (c, m).
        bias: (c,), added to every row.
        rows: How many rows x is going to have; others are multiplied, too, but more slowly.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, rows: int) -> None:
        self._is_packed = can_pack(weight.device) and _has_fast_convolution(weight)
        if self._is_packed:
            weight = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)
        self._weight, self._bias, self._rows = weight, bias, rows

    def __reduce__(self) -> tuple[type[PackedLinear], tuple[Any, ...]]:
        """Copies and files have the plain weight."""
        weight = self._weight.to_dense() if self._is_packed else self._weight
        return PackedLinear, (weight, self._bias, self._rows)

    def __call__(self, x: torch.Tensor, after: After = "none") -> torch.Tensor:
        """(n, m) -> (n, c), or its sigmoid or ReLU."""
        if self._is_packed:
            return torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, after, [], "")
        y = F.linear(x, self._weight, self._bias)
        if after == "none":
            return y
        return y.sigmoid_() if after == "sigmoid" else y.relu_()


def linear_fast(
    x: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    rectifies: bool = False,
) -> torch.Tensor:
    """Compute ``x @ weight.T + bias``, the same as ``F.linear``.

    Args:
        x: (n, m), rows contiguous.
        weight: (c, m).
        bias: (c,), added to every row.
        rectifies: Whether a ReLU follows.

    Returns:
        (n, c).
    """
    if _has_fast_convolution(x) and _is_inference() and can_pack(x.device):
        after = "relu" if rectifies else "none"
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, after, [], "")
    y = _linear(x, weight, bias)
    return y.relu_() if rectifies else y


def _linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    if not _has_fast_convolution(x):
        return F.linear(x, weight, bias)
    pixels = x[None, None].permute(0, 3, 1, 2)
    return F.conv2d(pixels, weight[:, :, None, None], bias).permute(0, 2, 3, 1).flatten(0, 2)


def apply_linear(layer: nn.Linear, x: torch.Tensor, rectifies: bool = False) -> torch.Tensor:
    """``layer(x)`` or its ReLU for tokens of any memory order, (..., tokens, channels)."""
    y = linear_fast(x.flatten(0, -2), layer.weight, layer.bias, rectifies)
    return y.unflatten(0, x.shape[:-1])


def _has_fast_convolution(x: torch.Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype in (torch.float32, torch.bfloat16)
