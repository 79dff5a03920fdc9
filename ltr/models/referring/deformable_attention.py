"""Multi-scale deformable attention (arXiv 2010.04159) without compiled operators.

Each query reads a few points of each level. Reading is one function of the same signature in every
form: PyTorch in ``deformable_sampling.py``, a Triton kernel for GPUs in ``deformable_kernel.py``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import nn

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.models.layers.matmul import apply_linear, is_exact_inference
from ltr.models.referring.deformable_sampling import MapSizes, Sampler, sample_points

KERNELS = ("torch", "triton")


class AttentionOutput(NamedTuple):
    """Output of the attention, and where it looked.

    Args:
        output: (N, queries, dim).
        locations: (N, queries, heads, levels, points, 2).
        weights: (N, queries, heads, levels, points).
    """

    output: torch.Tensor
    locations: torch.Tensor
    weights: torch.Tensor


class _Points(NamedTuple):
    """Where maps are read, and how much each point counts; see ``AttentionOutput``."""

    sizes: MapSizes
    locations: torch.Tensor
    weights: torch.Tensor


class DeformableAttention(nn.Module):
    """Attention to points around a reference.

    Args:
        dim: Channels of queries and maps.
        num_levels: Maps of different resolution.
        num_heads: Attention heads.
        num_points: Points that a head reads in each level.
    """

    sampler: Sampler = staticmethod(sample_points)

    def __init__(self, dim: int, num_levels: int, num_heads: int, num_points: int) -> None:
        super().__init__()
        self.shape = (num_heads, num_levels, num_points)
        self.sampling_offsets = nn.Linear(dim, math.prod(self.shape) * 2)
        self.attention_weights = nn.Linear(dim, math.prod(self.shape))
        self.value_proj = nn.Linear(dim, dim)
        self.output_proj = nn.Linear(dim, dim)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Let each head look into its own direction, point p at a distance of p + 1 cells."""
        heads, _, points = self.shape
        for layer in (self.sampling_offsets, self.attention_weights):
            nn.init.zeros_(layer.weight)
        angle = torch.arange(heads) * (2 * math.pi / heads)
        direction = torch.stack([angle.cos(), angle.sin()], dim=-1)
        direction = direction / direction.abs().amax(-1, keepdim=True)
        steps = torch.arange(1, points + 1).view(-1, 1)
        with torch.no_grad():
            self.sampling_offsets.bias.view(*self.shape, 2).copy_(direction[:, None, None] * steps)
        nn.init.zeros_(self.attention_weights.bias)
        for layer in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def attend(
        self,
        queries: torch.Tensor,
        references: torch.Tensor,
        tokens: torch.Tensor,
        sizes: MapSizes,
        padding: torch.Tensor | None = None,
    ) -> AttentionOutput:
        """Attend, and return the sampled locations too.

        Args:
            queries: (N, queries, dim).
            references: Points (N, queries, levels, 2) or boxes (N, queries, levels, 4), x and y
                first, as shares of the padded maps.
            tokens: Maps of all levels one after the other, (N, sum of h * w, dim).
            sizes: Height and width of each level.
            padding: bool (N, sum of h * w), True at padded positions.
        """
        offsets = apply_linear(self.sampling_offsets, queries).unflatten(-1, (*self.shape, 2))
        scores = apply_linear(self.attention_weights, queries).unflatten(-1, (self.shape[0], -1))
        weights = scores.softmax(-1).unflatten(-1, self.shape[1:])
        around = references[:, :, None, :, None].expand(-1, -1, -1, -1, self.shape[2], -1)
        if references.shape[-1] == 2:
            cells = offsets.new_tensor([(width, height) for height, width in sizes])[:, None]
            # Written out, as operations on tensors whose last axes are repeated are slow.
            moves = offsets * (1 / cells).expand(offsets.shape[2:]).contiguous()
        else:
            moves = offsets * around[..., 2:] * (0.5 / self.shape[2])
        locations = around[..., :2].contiguous() + moves
        is_few = is_exact_inference(tokens) and queries.shape[1] * self.shape[0] < tokens.shape[1]
        read = self._read_few if is_few and self.sampler is sample_points else self._read
        points = _Points(sizes, locations, weights)
        output = apply_linear(self.output_proj, read(tokens, padding, points))
        return AttentionOutput(output, locations, weights)

    def _read(
        self, tokens: torch.Tensor, padding: torch.Tensor | None, points: _Points
    ) -> torch.Tensor:
        """Sampled values, (N, queries, dim)."""
        values = apply_linear(self.value_proj, tokens)
        if padding is not None:
            values = values.masked_fill(padding[..., None], 0.0)
        values = values.unflatten(-1, (self.shape[0], -1))
        return self.sampler(values, *points)

    def _read_few(
        self, tokens: torch.Tensor, padding: torch.Tensor | None, points: _Points
    ) -> torch.Tensor:
        """The same where few tokens are read: they are sampled first and projected then."""
        ones = tokens.new_ones(*tokens.shape[:2], 1)
        if padding is not None:
            tokens, ones = (x.masked_fill(padding[..., None], 0.0) for x in (tokens, ones))
        heads, layer = self.shape[0], self.value_proj
        where = [x.flatten(1, 2)[:, :, None] for x in points[1:]]  # heads are queries
        sampled, share = (
            self.sampler(x[:, :, None], points.sizes, *where).unflatten(1, (-1, heads))
            for x in (tokens, ones)
        )
        weight, bias = (x.unflatten(0, (heads, -1)) for x in (layer.weight, layer.bias))
        return (torch.einsum("nqhc,hdc->nqhd", sampled, weight) + share * bias).flatten(2)

    def forward(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Like ``attend``, and called like it; only the output (N, queries, dim)."""
        return self.attend(*args, **kwargs).output


def use_kernel(network: nn.Module, name: str) -> None:
    """Choose how every deformable attention of a network reads its points.

    Args:
        network: On its device.
        name: ``torch``, or ``triton`` for the kernel of ``deformable_kernel.py`` (on a GPU).

    Raises:
        ConfigError: There is no such kernel, or it cannot run here.
    """
    if name not in KERNELS:
        raise ConfigError(f"no kernel {name!r}{did_you_mean(name, KERNELS)}")
    sampler: Sampler = sample_points
    if name == "triton":
        device = next(network.parameters()).device
        if device.type != "cuda":
            raise ConfigError(f"the triton kernel needs a GPU, and the network is on {device}")
        try:
            from ltr.models.referring import deformable_kernel
        except ImportError as error:
            raise ConfigError(
                f"the triton kernel needs the package triton: pip install triton ({error})"
            ) from error
        sampler = deformable_kernel.sample_points
    for module in network.modules():
        if isinstance(module, DeformableAttention):
            module.sampler = sampler
