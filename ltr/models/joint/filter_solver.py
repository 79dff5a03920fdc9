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
from torch.nn.grad import conv2d_weight

from ltr.models.layers.matmul import linear_fast
from ltr.models.layers.shifts import shift, sum_shifted


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
        gradient = conv2d_weight(
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
        rows = filters.permute(0, 3, 4, 1, 2).flatten(0, 3)[..., None, None]
        parts = []
        for block in self.blocks:
            taps = F.conv2d(block.flatten(1, 2), rows, groups=block.shape[1])
            parts.append(sum_shifted(taps.unflatten(1, (len(filters), k, k, -1))))
        return torch.cat(parts)

    def transpose(self, scores: torch.Tensor) -> torch.Tensor:
        """See ``LinearOperator``."""
        k = self.kernel_size
        sequences, filters, height, width = scores.shape[1:]
        frames = (frame for block in self.blocks for frame in block)
        total: torch.Tensor | None = None
        for features, frame_scores in zip(frames, scores, strict=True):
            taps = shift(frame_scores, k).reshape(len(features), -1, height * width)
            pairs = zip(features.flatten(2), taps, strict=True)
            product = torch.stack([linear_fast(maps, rows).t() for maps, rows in pairs])
            summand = product.reshape(sequences, k, k, filters, -1)
            total = summand if total is None else total + summand
        assert total is not None  # the memory is never empty
        return total.permute(0, 3, 4, 1, 2)


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
