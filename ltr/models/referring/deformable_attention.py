"""Multi-scale deformable attention (arXiv 2010.04159) without compiled operators.

Each query reads a few points of each level. Reading is one function of the same signature in every
form: ``sample_points`` here, and the kernel of ``external/deformable_attention.py`` for GPUs.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.models.layers.matmul import apply_linear

MapSizes = Sequence[tuple[int, int]]  # height and width of each level
Sampler = Callable[[torch.Tensor, MapSizes, torch.Tensor, torch.Tensor], torch.Tensor]

KERNELS = ("torch", "triton")


def sample_points(
    values: torch.Tensor, sizes: MapSizes, locations: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Sum weighted bilinear samples; outside the maps lie zeros.

    Levels are added one after the other, so that only one level's samples exist at a time. On a
    CPU, where nothing is learned, ``gather_points`` does the same several times as fast.

    Args:
        values: Maps of all levels one after the other, (N, sum of h * w, heads, channels).
        sizes: Height and width of each level.
        locations: x and y as shares of the map, (N, queries, heads, levels, points, 2).
        weights: (N, queries, heads, levels, points).

    Returns:
        (N, queries, heads * channels).
    """
    is_exact = values.dtype == locations.dtype == weights.dtype == torch.float32
    if is_exact and values.device.type == "cpu" and not torch.is_grad_enabled():
        pieces = zip(values, locations, weights, strict=True)
        return torch.stack([gather_points(one, sizes, *where) for one, *where in pieces])
    batch, _, heads, channels = values.shape
    queries = locations.shape[1]
    grids = 2 * locations.transpose(1, 2).flatten(0, 1) - 1
    shares = weights.transpose(1, 2).flatten(0, 1)
    total = values.new_zeros(batch * heads, channels, queries)
    start = 0
    for level, (height, width) in enumerate(sizes):
        tokens = values[:, start : start + height * width]
        start += height * width
        maps = tokens.permute(0, 2, 3, 1).reshape(batch * heads, channels, height, width)
        samples = F.grid_sample(maps, grids[:, :, level], padding_mode="zeros", align_corners=False)
        total = total + (samples * shares[:, None, :, level]).sum(-1)
    return total.view(batch, heads * channels, queries).transpose(1, 2)


def gather_points(
    values: torch.Tensor, sizes: MapSizes, locations: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """The same as ``sample_points`` for one image, as weighted sums of rows of a table.

    A row is what one head sees in one pixel; a bilinear sample is four of them, and all samples of
    a query and head are summed at once.

    Args:
        values: (sum of h * w, heads, channels).
        sizes: Height and width of each level.
        locations: (queries, heads, levels, points, 2).
        weights: (queries, heads, levels, points).

    Returns:
        (queries, heads * channels).
    """
    _, heads, channels = values.shape
    extents = locations.new_tensor([(width, height) for height, width in sizes])
    width, height = extents[:, :1], extents[:, 1:]
    areas = torch.tensor([0, *(math.prod(size) for size in sizes[:-1])])
    firsts = (areas.cumsum(0) * heads)[:, None] + torch.arange(heads)[:, None, None]
    x, y = (locations * extents[:, None]).sub_(0.5).unbind(-1)
    columns = [((cell * heads).int(), share) for cell, share in _cells(x, width)]
    lines = [
        ((cell * (width * heads)).int() + firsts.int(), share * weights)
        for cell, share in _cells(y, height)
    ]
    rows = torch.stack([line + column for line, _ in lines for column, _ in columns], dim=2)
    shares = torch.stack([line * column for _, line in lines for _, column in columns], dim=2)
    bags = len(locations) * heads
    summed = F.embedding_bag(
        rows.view(bags, -1),
        values.reshape(-1, channels),
        mode="sum",
        per_sample_weights=shares.view(bags, -1),
    )
    return summed.view(len(locations), heads * channels)


def _cells(
    position: torch.Tensor, count: torch.Tensor
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The two cells of an axis around each position, and their shares; none outside the map."""
    first = position.floor()
    share = position - first
    for cell, part in ((first, 1 - share), (first + 1, share)):
        part = part * ((cell >= 0) & (cell < count))
        yield torch.minimum(cell.clamp(min=0), count - 1), part


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
        values = apply_linear(self.value_proj, tokens)
        if padding is not None:
            values = values.masked_fill(padding[..., None], 0.0)
        values = values.unflatten(-1, (self.shape[0], -1))
        offsets = apply_linear(self.sampling_offsets, queries).unflatten(-1, (*self.shape, 2))
        scores = apply_linear(self.attention_weights, queries).unflatten(-1, (self.shape[0], -1))
        weights = scores.softmax(-1).unflatten(-1, self.shape[1:])
        around = references[:, :, None, :, None]
        if references.shape[-1] == 2:
            scale = 1 / offsets.new_tensor([(width, height) for height, width in sizes])[:, None]
        else:
            scale = around[..., 2:] * (0.5 / self.shape[2])
        locations = around[..., :2] + offsets * scale
        sampled = self.sampler(values, sizes, locations, weights)
        return AttentionOutput(apply_linear(self.output_proj, sampled), locations, weights)

    def forward(
        self,
        queries: torch.Tensor,
        references: torch.Tensor,
        tokens: torch.Tensor,
        sizes: MapSizes,
        padding: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Like ``attend``; only the output (N, queries, dim)."""
        return self.attend(queries, references, tokens, sizes, padding).output


def use_kernel(network: nn.Module, name: str) -> None:
    """Choose how every deformable attention of a network reads its points.

    Args:
        network: On its device.
        name: ``torch``, or ``triton`` for the kernel in ``external`` (a checkout on a GPU).

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
            sampler = importlib.import_module("external.deformable_attention").sample_points
        except ImportError as error:
            raise ConfigError(
                f"the triton kernel needs the package triton and the folder external/ of a "
                f"checkout, in whose root Python must start ({error})"
            ) from error
    for module in network.modules():
        if isinstance(module, DeformableAttention):
            module.sampler = sampler
