"""Long inputs in chunks: the same result with less memory."""

from __future__ import annotations

from collections.abc import Callable

import torch


def apply_in_chunks(
    function: Callable[..., torch.Tensor], *inputs: torch.Tensor, size: int, dim: int = 0
) -> torch.Tensor:
    """Apply a function to chunks of its inputs and concatenate the results.

    While gradients are recorded everything is computed at once: the backward pass needs it all.

    Args:
        function: Treats the positions along ``dim`` independently and keeps their number.
        *inputs: Of equal length along ``dim``, or of length 1 there, for all pieces alike.
        size: Positions at once.
        dim: Axis along which inputs and output are split.
    """
    length = max(value.shape[dim] for value in inputs)
    if length <= size or torch.is_grad_enabled():
        return function(*inputs)
    whole: torch.Tensor | None = None
    for start in range(0, length, size):
        count = min(size, length - start)
        pieces = (x if x.shape[dim] == 1 else x.narrow(dim, start, count) for x in inputs)
        result = function(*pieces)
        if whole is None:
            shape = list(result.shape)
            shape[dim] = length
            whole = result.new_empty(shape)
        whole.narrow(dim, start, count).copy_(result)
    return whole
