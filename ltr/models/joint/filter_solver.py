"""Gauss-Newton steepest descent on the target model's filter (arXiv 2003.11540, section 3.3).

One sequence minimises ``1/2 |v * (A tau - e)|^2 + 1/2 |lambda tau|^2`` over its filter tau, where
A is the 3x3 convolution of the memory's features with tau. The residual is carried along, so an
iteration costs one application of A and one of its transpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
import torch.nn.functional as F


class LinearOperator(Protocol):
    """The map A from filters (sequences, filters, C, k, k) to scores, and its transpose."""

    def apply(self, filters: torch.Tensor) -> torch.Tensor:
        """Filters -> scores (frames, sequences, filters, H, W)."""

    def transpose(self, scores: torch.Tensor) -> torch.Tensor:
        """Scores -> filters: the gradient of ``<A tau, scores>`` with respect to tau."""


class ConvolutionOperator:
    """A as grouped convolutions; every sequence has features of its own. Differentiable.

    Args:
        features: (frames, sequences, C, H, W).
        kernel_size: k, odd.
    """

    def __init__(self, features: torch.Tensor, kernel_size: int) -> None:
        self.features = features
        self.kernel_size = kernel_size

    def apply(self, filters: torch.Tensor) -> torch.Tensor:
        """See ``LinearOperator``."""
        sequences = self.features.shape[1]
        scores = F.conv2d(
            self.features.flatten(1, 2),
            filters.flatten(0, 1),
            padding=self.kernel_size // 2,
            groups=sequences,
        )
        return scores.unflatten(1, (sequences, filters.shape[1]))

    def transpose(self, scores: torch.Tensor) -> torch.Tensor:
        """See ``LinearOperator``."""
        _, sequences, channels = self.features.shape[:3]
        filters = scores.shape[2]
        size = (sequences * filters, channels, self.kernel_size, self.kernel_size)
        gradient = torch.nn.grad.conv2d_weight(
            self.features.flatten(1, 2),
            size,
            scores.flatten(1, 2),
            padding=self.kernel_size // 2,
            groups=sequences,
        )
        return gradient.unflatten(0, (sequences, filters))


class MatrixOperator:
    """A as matrix products and shifted sums, about twice as fast as convolutions on a CPU.

    The memory consists of blocks of frames: in one kind every sequence has features of its own, in
    the other all sequences share them.

    Args:
        blocks: Each (frames, sequences, C, H, W) with the sequences' own features, or
            (frames, 1, C, H, W) shared by all.
        kernel_size: k, odd.
    """

    def __init__(self, blocks: Sequence[torch.Tensor], kernel_size: int) -> None:
        self.blocks = [block for block in blocks if block.shape[0] > 0]
        self.kernel_size = kernel_size

    def apply(self, filters: torch.Tensor) -> torch.Tensor:
        """See ``LinearOperator``."""
        k = self.kernel_size
        rows = filters.permute(0, 3, 4, 1, 2)
        parts = []
        for block in self.blocks:
            own, channels, height, width = block.shape[1:]
            matrix = rows.reshape(own, -1, channels)
            taps = torch.matmul(matrix, block.flatten(3))
            shape = (block.shape[0], filters.shape[0], k, k, filters.shape[1], height, width)
            parts.append(_sum_shifted(taps.view(shape), k))
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def transpose(self, scores: torch.Tensor) -> torch.Tensor:
        """See ``LinearOperator``."""
        k = self.kernel_size
        sequences, filters = scores.shape[1:3]
        total: torch.Tensor | int = 0
        start = 0
        for block in self.blocks:
            frames, own, channels = block.shape[:3]
            taps = _shift(scores[start : start + frames], k)
            matrix = taps.reshape(frames, own, -1, block.shape[3] * block.shape[4])
            product = torch.matmul(matrix, block.flatten(3).transpose(2, 3)).sum(dim=0)
            total = total + product.view(sequences, k, k, filters, channels)
            start += frames
        return total.permute(0, 3, 4, 1, 2)


def _sum_shifted(taps: torch.Tensor, k: int) -> torch.Tensor:
    """Sum the kernel's taps (frames, sequences, k, k, filters, H, W), each moved to its place."""
    frames, sequences, _, _, filters, height, width = taps.shape
    total = taps.new_zeros(frames, sequences, filters, height + k - 1, width + k - 1)
    for row in range(k):
        for column in range(k):
            y, x = k - 1 - row, k - 1 - column
            total[..., y : y + height, x : x + width] += taps[:, :, row, column]
    margin = k // 2
    return total[..., margin : margin + height, margin : margin + width]


def _shift(scores: torch.Tensor, k: int) -> torch.Tensor:
    """The transpose of ``_sum_shifted``: (..., filters, H, W) -> (..., k, k, filters, H, W)."""
    height, width = scores.shape[-2:]
    padded = F.pad(scores, (k // 2,) * 4)
    rows = []
    for row in range(k):
        y = k - 1 - row
        columns = [padded[..., y : y + height, k - 1 - c : k - 1 - c + width] for c in range(k)]
        rows.append(torch.stack(columns, dim=2))
    return torch.stack(rows, dim=2)


@dataclass
class Trace:
    """What an optimisation did, for logs and tests.

    Args:
        losses: Before every iteration and once after; summed over the sequences, per element.
        step_lengths: (sequences,) of every iteration.
        filters: Every iterate, the start included.
    """

    losses: list[torch.Tensor] = field(default_factory=list)
    step_lengths: list[torch.Tensor] = field(default_factory=list)
    filters: list[torch.Tensor] = field(default_factory=list)


def steepest_descent(
    operator: LinearOperator,
    filters: torch.Tensor,
    labels: torch.Tensor,
    weights: torch.Tensor,
    regularisation: torch.Tensor,
    iterations: int,
    trace: Trace | None = None,
) -> torch.Tensor:
    """Improve the filters of all sequences.

    Args:
        operator: The features of the memory.
        filters: Start, (sequences, filters, C, k, k).
        labels: e, (frames, sequences, filters, H, W).
        weights: v, of the same shape or broadcast to it; enters the loss squared.
        regularisation: lambda, a scalar; enters the loss squared.
        iterations: Number of steps.
        trace: Receives losses, step lengths and iterates when given.

    Returns:
        The improved filters.
    """
    residual = weights * (operator.apply(filters) - labels)
    _record(trace, filters, residual, regularisation)
    for _ in range(iterations):
        gradient = operator.transpose(weights * residual) + regularisation.square() * filters
        image = weights * operator.apply(gradient)
        energy = _square_norm(gradient)
        curvature = image.square().sum(dim=(0, 2, 3, 4)) + regularisation.square() * energy
        step = energy / curvature.clamp(min=1e-8)
        filters = filters - step.view(-1, 1, 1, 1, 1) * gradient
        residual = residual - step.view(1, -1, 1, 1, 1) * image
        _record(trace, filters, residual, regularisation, step)
    return filters


def _square_norm(filters: torch.Tensor) -> torch.Tensor:
    return filters.square().sum(dim=(1, 2, 3, 4))


def _record(
    trace: Trace | None,
    filters: torch.Tensor,
    residual: torch.Tensor,
    regularisation: torch.Tensor,
    step: torch.Tensor | None = None,
) -> None:
    if trace is None:
        return
    energy = residual.square().sum() + regularisation.square() * _square_norm(filters).sum()
    trace.losses.append(energy.squeeze() / (residual.numel() + filters.numel()))
    trace.filters.append(filters)
    if step is not None:
        trace.step_lengths.append(step)
