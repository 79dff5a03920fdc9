"""Induction branch: a linear filter per object, learned while tracking."""

from __future__ import annotations

import math

import torch
from torch import nn

from ltr.models.joint.filter_solver import (
    ConvolutionOperator,
    LinearOperator,
    Trace,
    steepest_descent,
)
from ltr.models.layers.normalization import SampleL2Norm


class ZeroInitializer(nn.Module):
    """The filter every optimisation starts from. Has no parameters.

    Upstream's optimiser states hold an (empty) group for it.
    """

    def __init__(self, num_filters: int, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.shape = (num_filters, channels, kernel_size, kernel_size)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Features (frames, sequences, C, H, W) -> zeros (sequences, filters, C, k, k)."""
        return features.new_zeros(features.shape[1], *self.shape)


class Residuals(nn.Module):
    """Holds the learned regularisation weight lambda of the filter's loss."""

    def __init__(self, initial_regularisation: float) -> None:
        super().__init__()
        self.filter_reg = nn.Parameter(torch.full((1,), initial_regularisation))


class FilterOptimizer(nn.Module):
    """Steepest descent with the learned regularisation.

    Args:
        kernel_size: Side of the filters.
        initial_regularisation: Start value of lambda.
    """

    def __init__(self, kernel_size: int, initial_regularisation: float) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.residual_module = Residuals(initial_regularisation)

    def forward(
        self,
        filters: torch.Tensor,
        features: torch.Tensor | LinearOperator,
        labels: torch.Tensor,
        weights: torch.Tensor | None,
        iterations: int,
        trace: Trace | None = None,
    ) -> torch.Tensor:
        """Improve filters on labelled frames.

        Args:
            filters: Start, (sequences, filters, C, k, k).
            features: (frames, sequences, C, H, W), or the operator that stands for them.
            labels: e_tm, (frames, sequences, filters, H, W).
            weights: Sample weights of the labels' shape, or one per frame (frames,); None takes
                ``sqrt(1 / frames)``.
            iterations: Number of steps.
            trace: Receives losses and iterates when given.

        Returns:
            The improved filters.
        """
        if isinstance(features, torch.Tensor):
            features = ConvolutionOperator(features, self.kernel_size)
        if weights is None:
            weights = labels.new_full((1,), math.sqrt(1.0 / labels.shape[0]))
        if weights.dim() == 1:
            weights = weights.view(-1, 1, 1, 1, 1)
        device = labels.device.type
        if torch.is_autocast_enabled(device) and isinstance(features, ConvolutionOperator):
            # Step lengths are quotients of small energies, so they stay in float32.
            with torch.autocast(device, enabled=False):
                features = ConvolutionOperator(features.features.float(), self.kernel_size)
                return self(
                    filters.float(), features, labels.float(), weights.float(), iterations, trace
                )
        regularisation = self.residual_module.filter_reg
        return steepest_descent(
            features, filters, labels, weights, regularisation, iterations, trace
        )


class TargetModel(nn.Module):
    """Features of the induction branch and the filter on them.

    Args:
        feature_dim: Channels of the backbone feature.
        out_dim: Channels of the projected features.
        num_filters: Channels of the encodings.
        kernel_size: Side of the filters.
        initial_regularisation: Start value of lambda.
    """

    def __init__(
        self,
        feature_dim: int,
        out_dim: int,
        num_filters: int,
        kernel_size: int,
        initial_regularisation: float,
    ) -> None:
        super().__init__()
        projection = nn.Conv2d(feature_dim, out_dim, 3, 1, 1, bias=False)
        nn.init.normal_(projection.weight, 0.0, math.sqrt(2.0 / (9 * out_dim)))
        scale = math.sqrt(1.0 / (out_dim * kernel_size**2))
        self.feature_extractor = nn.Sequential(projection, SampleL2Norm(scale))
        self.filter_initializer = ZeroInitializer(num_filters, out_dim, kernel_size)
        self.filter_optimizer = FilterOptimizer(kernel_size, initial_regularisation)

    def extract_target_model_features(
        self, features: torch.Tensor, num_sequences: int | None = None
    ) -> torch.Tensor:
        """Project and normalise backbone features.

        Args:
            features: (N, C, H, W).
            num_sequences: When given, N is split into (frames, num_sequences).

        Returns:
            (N, out_dim, H, W) or (frames, num_sequences, out_dim, H, W).
        """
        projected = self.feature_extractor(features)
        if num_sequences is None:
            return projected
        return projected.unflatten(0, (-1, num_sequences))

    def get_filter(
        self,
        features: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor | None,
        iterations: int,
        trace: Trace | None = None,
    ) -> torch.Tensor:
        """Learn filters from zero; arguments as ``FilterOptimizer.forward``."""
        start = self.filter_initializer(features)
        return self.filter_optimizer(start, features, labels, weights, iterations, trace)

    def apply_target_model(self, filters: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Apply filters: features (frames, sequences, C, H, W) -> E_tm, with 16 channels."""
        return ConvolutionOperator(features, self.filter_optimizer.kernel_size).apply(filters)
