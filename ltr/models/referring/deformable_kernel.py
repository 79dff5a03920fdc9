"""Points of multi-scale deformable attention in one Triton kernel, for GPUs.

The reference implementation writes the samples of every level, head and point to memory before it
sums them; here a program holds some queries of one head, and only their sums are written. It needs
the package ``triton``, which PyTorch brings along for NVIDIA GPUs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import triton
import triton.language as tl

from ltr.models.referring import deformable_sampling as reference

_QUERIES = 32  # of one program


@triton.jit
def _sum_samples(  # type: ignore[no-untyped-def] # Triton gives annotations its own meaning
    values,
    levels,
    locations,
    weights,
    output,
    tokens,
    queries,
    HEADS: tl.constexpr,
    CHANNELS: tl.constexpr,
    LEVELS: tl.constexpr,
    POINTS: tl.constexpr,
    BLOCK_QUERIES: tl.constexpr,
    BLOCK_CHANNELS: tl.constexpr,
) -> None:
    batch = (tl.program_id(1) // HEADS).to(tl.int64)
    head = tl.program_id(1) % HEADS
    query = tl.program_id(0) * BLOCK_QUERIES + tl.arange(0, BLOCK_QUERIES)
    channel = tl.arange(0, BLOCK_CHANNELS)
    is_query = query < queries
    is_channel = channel < CHANNELS
    row = (batch * queries + query) * HEADS + head
    source = values + (batch * tokens * HEADS + head) * CHANNELS + channel[None, :]
    total = tl.zeros((BLOCK_QUERIES, BLOCK_CHANNELS), dtype=tl.float32)
    for level in range(LEVELS):
        height = tl.load(levels + 3 * level)
        width = tl.load(levels + 3 * level + 1)
        start = tl.load(levels + 3 * level + 2)
        for point in range(POINTS):
            place = (row * LEVELS + level) * POINTS + point
            share = tl.load(weights + place, mask=is_query, other=0.0).to(tl.float32)
            x = tl.load(locations + 2 * place, mask=is_query, other=0.0).to(tl.float32)
            y = tl.load(locations + 2 * place + 1, mask=is_query, other=0.0).to(tl.float32)
            x = x * width - 0.5
            y = y * height - 0.5
            left = tl.floor(x)
            top = tl.floor(y)
            for corner in tl.static_range(4):
                column = left + corner % 2
                line = top + corner // 2
                part = (1.0 - tl.abs(x - column)) * (1.0 - tl.abs(y - line))
                fits = (column >= 0) & (column < width) & (line >= 0) & (line < height) & is_query
                # Far outside, the place is not an integer that fits: it is not read.
                token = start + tl.where(fits, line * width + column, 0.0).to(tl.int32)
                value = tl.load(
                    source + token[:, None] * (HEADS * CHANNELS),
                    mask=fits[:, None] & is_channel[None, :],
                    other=0.0,
                ).to(tl.float32)
                total += tl.where(fits, share * part, 0.0)[:, None] * value
    tl.store(
        output + row[:, None] * CHANNELS + channel[None, :],
        total,
        mask=is_query[:, None] & is_channel[None, :],
    )


def sample_points(
    values: torch.Tensor,
    sizes: Sequence[tuple[int, int]],
    locations: torch.Tensor,
    weights: torch.Tensor,
) -> torch.Tensor:
    """Sum weighted bilinear samples like the reference's ``sample_points``, with gradients."""
    return _Sampling.apply(values, tuple(map(tuple, sizes)), locations, weights)


class _Sampling(torch.autograd.Function):
    """The kernel forwards; backwards the reference implementation, which is computed again."""

    @staticmethod
    def forward(
        context: Any,
        values: torch.Tensor,
        sizes: tuple[tuple[int, int], ...],
        locations: torch.Tensor,
        weights: torch.Tensor,
    ) -> torch.Tensor:
        context.save_for_backward(values, locations, weights)
        context.sizes = sizes
        batch, tokens, heads, channels = values.shape
        queries, points = locations.shape[1], locations.shape[4]
        rows, start = [], 0
        for height, width in sizes:
            rows.append((height, width, start))
            start += height * width
        if start != tokens:
            raise ValueError(f"the levels have {start} cells, the values {tokens}")
        output = values.new_empty(batch, queries, heads * channels)
        _sum_samples[triton.cdiv(queries, _QUERIES), batch * heads](
            values.contiguous(),
            torch.tensor(rows, dtype=torch.int32, device=values.device),
            locations.contiguous(),
            weights.contiguous(),
            output,
            tokens,
            queries,
            HEADS=heads,
            CHANNELS=channels,
            LEVELS=len(sizes),
            POINTS=points,
            BLOCK_QUERIES=_QUERIES,
            BLOCK_CHANNELS=triton.next_power_of_2(channels),
        )
        return output

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        inputs = [x.detach().requires_grad_() for x in context.saved_tensors]
        with torch.enable_grad():
            output = reference.sample_points(inputs[0], context.sizes, *inputs[1:])
        values, locations, weights = torch.autograd.grad(output, inputs, gradient)
        return values, None, locations, weights
