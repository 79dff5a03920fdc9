"""Normalisations without trained parameters."""

from __future__ import annotations

import math

import torch
from torch import nn

EPS = 1e-5  # of the variance, as in PyTorch's instance norm


class SampleL2Norm(nn.Module):
    """Scale each sample to a fixed mean energy over channels, height and width.

    ``y = x * scale * sqrt(C*H*W / (sum(x^2) + eps))`` (JOINT, target-model features).
    """

    def __init__(self, scale: float, eps: float = 1e-5) -> None:
        super().__init__()
        self.scale = scale
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> the same shape, in single precision at least."""
        x = x if x.dtype == torch.float64 else x.float()
        energy = x.square().sum(dim=(1, 2, 3), keepdim=True)
        return x * (self.scale * math.sqrt(x[0].numel()) * torch.rsqrt(energy + self.eps))


def token_instance_norm(tokens: torch.Tensor) -> torch.Tensor:
    """Instance norm of tokens: each channel to zero mean, unit variance over the tokens.

    Written out, because the CPU kernel of ``nn.InstanceNorm2d`` returns wrong input gradients for
    permuted views (seen with PyTorch 2.12.1).

    Args:
        tokens: (..., tokens, channels).
    """
    centred = tokens - tokens.mean(dim=-2, keepdim=True)
    variance = centred.square().mean(dim=-2, keepdim=True)  # in two passes, faster than var_mean
    return centred * torch.rsqrt(variance + EPS)
