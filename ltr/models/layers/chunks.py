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

    def apply(start: int, count: int) -> torch.Tensor:
        return function(*(x if x.shape[dim] == 1 else x.narrow(dim, start, count) for x in inputs))

    first = apply(0, size)
    shape = list(first.shape)
    shape[dim] = length
    whole = first.new_empty(shape)
    whole.narrow(dim, 0, size).copy_(first)
    del first  # only one piece beside the whole is held at a time
    for start in range(size, length, size):
        count = min(size, length - start)
        whole.narrow(dim, start, count).copy_(apply(start, count))
    return whole
