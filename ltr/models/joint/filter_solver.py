"""Gauss-Newton steepest descent on the target model's filter (arXiv 2003.11540, section 3.3).

One sequence minimises ``1/2 |v * (A tau - e)|^2 + 1/2 |lambda tau|^2`` over its filter tau, where
A is the 3x3 convolution of the memory's features with tau. The residual is carried along, so an
iteration costs one application of A and one of its transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
import torch.nn.functional as F
from torch.nn.grad import conv2d_weight

from ltr.models.layers.matmul import PackedLinear


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
    """A as matrix products and shifted sums, several times as fast as convolutions on a CPU.

    Args:
        frames: Features of every frame of the memory, (C, H, W) each: one map that all sequences
            share, or one for each. Those whose channels lie next to each other are not copied.
        kernel_size: k, odd.
    """

    def __init__(self, frames: Sequence[Sequence[torch.Tensor]], kernel_size: int) -> None:
        self.size = frames[0][0].shape[1:]
        self.frames = [
            [maps.permute(1, 2, 0).flatten(0, 1).contiguous() for maps in frame] for frame in frames
        ]
        self.kernel_size = kernel_size

    def apply(self, filters: torch.Tensor) -> torch.Tensor:
        """See ``LinearOperator``."""
        k, (height, width) = self.kernel_size, self.size
        rows = filters.permute(0, 3, 4, 1, 2).flatten(1, 3)
        total = filters.new_zeros(
            len(self.frames), len(filters), height + k - 1, width + k - 1, filters.shape[1]
        )
        multiply = _per_sequence(rows, height * width)
        for frame, target in zip(self.frames, total, strict=True):
            taps = torch.stack(multiply(frame)).view(-1, height, width, k, k, filters.shape[1])
            for y in range(k):
                for x in range(k):
                    target[:, y : y + height, x : x + width] += taps[:, :, :, k - 1 - y, k - 1 - x]
        margin = k // 2
        scores = total[:, :, margin : margin + height, margin : margin + width]
        return scores.permute(0, 1, 4, 2, 3)

    def transpose(self, scores: torch.Tensor) -> torch.Tensor:
        """See ``LinearOperator``."""
        k = self.kernel_size
        sequences, filters = scores.shape[1:3]
        channels = self.frames[0][0].shape[1]
        total = scores.new_zeros(sequences, k * k * filters, channels)
        padded = F.pad(scores.permute(0, 1, 3, 4, 2), (0, 0, *(k // 2,) * 4))
        windows = padded.unfold(2, k, 1).unfold(3, k, 1).permute(0, 2, 3, 1, 5, 6, 4)
        for frame, window in zip(self.frames, windows, strict=True):
            taps = window.reshape(len(frame[0]), sequences, -1)
            if len(frame) == 1:
                total.view(-1, channels).addmm_(taps.flatten(1).t(), frame[0])
                continue
            for index, maps in enumerate(frame):
                total[index].addmm_(taps[:, index].t(), maps)
        flipped = total.view(sequences, k, k, filters, channels).flip(1, 2)
        return flipped.permute(0, 3, 4, 1, 2)


def _per_sequence(
    rows: torch.Tensor, positions: int
) -> Callable[[Sequence[torch.Tensor]], list[torch.Tensor]]:
    """Products of maps (positions, C) with the rows (sequences, n, C) of every sequence.

    The function takes one map for all sequences or one for each; it returns (positions, n) for
    each.
    """
    of_one = [PackedLinear(own, None, positions) for own in rows]

    def multiply(maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        shared = maps if len(maps) == len(of_one) else [maps[0]] * len(of_one)
        return [product(own) for product, own in zip(of_one, shared, strict=True)]

    return multiply


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
