"""Long inputs in chunks: the same result with less memory."""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch

from ltr.models.layers.side_by_side import even_slices, map_side_by_side


def apply_in_chunks(
    function: Callable[..., torch.Tensor],
    *inputs: torch.Tensor,
    size: int,
    dim: int = 0,
    is_side_by_side: bool = False,
) -> torch.Tensor:
    """Apply a function to chunks of its inputs and concatenate the results.

    While gradients are recorded everything is computed at once: the backward pass needs it all.

    Args:
        function: Treats the positions along ``dim`` independently and keeps their number.
        *inputs: Of equal length along ``dim``, or of length 1 there, for all pieces alike.
        size: Positions at once.
        dim: Axis along which inputs and output are split.
        is_side_by_side: Whether chunks are computed at the same time, see ``map_side_by_side``.
    """
    length = max(value.shape[dim] for value in inputs)
    threads = torch.get_num_threads() if is_side_by_side else 1
    parts = even_slices(length, size, threads)
    if len(parts) == 1 or torch.is_grad_enabled():
        return function(*inputs)
    result = _Result(length, dim)

    def apply(part: slice) -> None:
        start, count = part.start, part.stop - part.start
        pieces = (x if x.shape[dim] == 1 else x.narrow(dim, start, count) for x in inputs)
        result.write(start, function(*pieces))

    map_side_by_side(apply, parts, is_side_by_side)
    return result.whole


class _Result:
    """What the chunks give, in one piece of memory, so that only chunks lie beside the whole.

    Args:
        length: Positions of the whole along an axis.
        dim: The axis.
    """

    def __init__(self, length: int, dim: int) -> None:
        self._length, self._dim, self._lock = length, dim, threading.Lock()
        self._whole: torch.Tensor | None = None

    @property
    def whole(self) -> torch.Tensor:
        """The results of all chunks."""
        assert self._whole is not None  # there is a chunk
        return self._whole

    def write(self, start: int, chunk: torch.Tensor) -> None:
        """Put a chunk to its place; the first decides about sizes and the order in memory."""
        with self._lock:
            if self._whole is None:
                shape = list(chunk.shape)
                shape[self._dim] = self._length
                order = sorted(range(chunk.dim()), key=chunk.stride, reverse=True)
                rows = chunk.new_empty([shape[axis] for axis in order])
                self._whole = rows.permute([order.index(axis) for axis in range(chunk.dim())])
        self.whole.narrow(self._dim, start, chunk.shape[self._dim]).copy_(chunk)
