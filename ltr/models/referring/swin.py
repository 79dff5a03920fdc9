"""Swin Transformer (arXiv 2103.14030) and Video Swin Transformer (arXiv 2106.13230).

One form for both: tokens are ``(clips, frames, h, w, channels)``, and the windows of the image
network are one frame deep. Two rules differ, both kept as in the released weights (spec 2.2): the
image network shifts windows even where a map is a single one (torchvision's does not), and the
video network makes windows smaller where a map is not larger. Keys are upstream's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint
from torchvision.ops import StochasticDepth

from ltr.models.layers.chunks import apply_in_chunks
from ltr.models.layers.matmul import apply_linear

_MASKED = -100.0  # added to scores between regions that the cyclic shift brought together
_TOKENS_AT_ONCE = 65536  # of one window attention, or of one feed-forward layer

Size3 = tuple[int, int, int]  # frames, rows, columns


class Layout(NamedTuple):
    """How a map is cut into windows.

    Args:
        window: Frames, rows and columns of a window.
        shift: Number of positions by which the map is rolled before it is cut, per axis.
        padded: Frames, rows and columns of the map after padding.
    """

    window: Size3
    shift: Size3
    padded: Size3

    @classmethod
    def of(cls, size: Sequence[int], window: Size3, shifts: bool, shrinks: bool) -> Layout:
        """The layout of a map; ``shrinks`` for windows that are never larger than the map."""

        def along(axis: int) -> tuple[int, int, int]:
            """Window, shift and padded size of an axis."""
            side, used = size[axis], window[axis]
            shift = used // 2 if shifts else 0
            if shrinks and side <= used:
                used, shift = side, 0
            return used, shift, -(-side // used) * used

        frames, rows, columns = along(0), along(1), along(2)
        return cls(
            (frames[0], rows[0], columns[0]),
            (frames[1], rows[1], columns[1]),
            (frames[2], rows[2], columns[2]),
        )

    def cut(self, x: torch.Tensor) -> torch.Tensor:
        """(clips, *padded, channels) -> (clips * windows, tokens, channels)."""
        (t, h, w), (tt, hh, ww) = self.window, self.padded
        x = x.view(-1, tt // t, t, hh // h, h, ww // w, w, x.shape[-1])
        return x.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, t * h * w, x.shape[-1])

    def join(self, windows: torch.Tensor) -> torch.Tensor:
        """The inverse of ``cut``."""
        (t, h, w), (tt, hh, ww) = self.window, self.padded
        x = windows.view(-1, tt // t, hh // h, ww // w, t, h, w, windows.shape[-1])
        return x.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(-1, *self.padded, windows.shape[-1])

    def regions(self, device: torch.device) -> torch.Tensor | None:
        """Numbers of the regions that the shift brings together; None without a shift.

        Returns:
            int64 (windows, tokens): tokens of equal numbers may attend to each other.
        """
        if not any(self.shift):
            return None
        regions = torch.zeros(1, *self.padded, 1, dtype=torch.int64, device=device)
        axes = zip(self.padded, self.window, self.shift, strict=True)
        for axis, (side, window, shift) in enumerate(axes, 1):
            place = torch.arange(side, device=device)
            region = (place >= side - window).long() + (place >= side - shift).long()
            shape = [1] * 5
            shape[axis] = side
            regions = 3 * regions + (region if shift else torch.zeros_like(region)).view(shape)
        return self.cut(regions).squeeze(-1)


class WindowAttention(nn.Module):
    """Attention within windows, with a learned score for each relative position.

    Args:
        dim: Channels.
        window: Largest window.
        num_heads: Attention heads.
    """

    def __init__(self, dim: int, window: Size3, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        pairs = [2 * side - 1 for side in window]
        self.relative_position_bias_table = nn.Parameter(
            torch.zeros(pairs[0] * pairs[1] * pairs[2], num_heads)
        )
        self.relative_position_index: torch.Tensor
        self.register_buffer("relative_position_index", _relative_positions(window))
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)

    def forward(self, windows: torch.Tensor, regions: torch.Tensor | None) -> torch.Tensor:
        """Windows (clips * windows, tokens, dim), regions (windows, tokens) of a shifted map."""
        tokens = windows.shape[1]
        # A window that shrank uses the corner of the table's index, as upstream does.
        index = self.relative_position_index[:tokens, :tokens]
        bias = self.relative_position_bias_table[index].permute(2, 0, 1)[None]

        def attend(windows: torch.Tensor, *regions: torch.Tensor) -> torch.Tensor:
            q, k, v = (
                apply_linear(self.qkv, windows).unflatten(-1, (3, self.num_heads, -1)).unbind(2)
            )
            scores = bias
            for region in regions:
                is_apart = region[:, None, None] != region[:, None, :, None]
                scores = scores + is_apart * _MASKED
            heads = F.scaled_dot_product_attention(
                q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=scores
            )
            return apply_linear(self.proj, heads.transpose(1, 2).flatten(2))

        inputs = [windows]
        if regions is not None:
            inputs.append(regions.repeat(len(windows) // len(regions), 1))
        return apply_in_chunks(attend, *inputs, size=max(1, _TOKENS_AT_ONCE // tokens))


def _relative_positions(window: Size3) -> torch.Tensor:
    """Row of the table for every pair of tokens, int64 (tokens, tokens)."""
    axes = [torch.arange(side) for side in window]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1)
    index = torch.zeros(places.shape[1], places.shape[1], dtype=torch.int64)
    for place, side in zip(places, window, strict=True):
        index = index * (2 * side - 1) + place[:, None] - place[None] + side - 1
    return index


class SwinMLP(nn.Module):
    """Two linear layers with a GELU between; hidden units are four times the channels."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., dim) -> the same shape."""

        def apply(rows: torch.Tensor) -> torch.Tensor:
            return apply_linear(self.fc2, F.gelu(apply_linear(self.fc1, rows)))

        return apply_in_chunks(apply, x.flatten(0, -2), size=_TOKENS_AT_ONCE).view(x.shape)


class SwinBlock(nn.Module):
    """Window attention and feed-forward layer, each with a residual and the norm before it.

    Args:
        dim: Channels.
        window: Largest window.
        num_heads: Attention heads.
        drop_path: Probability that training skips a residual branch of a clip.
    """

    def __init__(self, dim: int, window: Size3, num_heads: int, drop_path: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = WindowAttention(dim, window, num_heads)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = SwinMLP(dim)
        self.drop_path = StochasticDepth(drop_path, "row")

    def forward(
        self, x: torch.Tensor, layout: Layout, regions: torch.Tensor | None
    ) -> torch.Tensor:
        """Tokens (clips, frames, h, w, dim) -> the same shape."""
        x = x + self.drop_path(self._attend(self.norm1(x), layout, regions))
        return x + self.drop_path(self.mlp(self.norm2(x)))

    def _attend(
        self, x: torch.Tensor, layout: Layout, regions: torch.Tensor | None
    ) -> torch.Tensor:
        frames, height, width = x.shape[1:4]
        missing = [p - side for p, side in zip(layout.padded, x.shape[1:4], strict=True)]
        if any(missing):
            x = F.pad(x, (0, 0, 0, missing[2], 0, missing[1], 0, missing[0]))
        if any(layout.shift):
            x = x.roll([-step for step in layout.shift], dims=(1, 2, 3))
        x = layout.join(self.attn(layout.cut(x), regions))
        if any(layout.shift):
            x = x.roll(layout.shift, dims=(1, 2, 3))
        return x[:, :frames, :height, :width]


class SwinStage(nn.Module):
    """Blocks of one resolution, every second one with shifted windows.

    Args:
        blocks: The blocks.
        window: Largest window.
        shrinks: Whether windows are never larger than the map.
        gradient_checkpointing: Recompute activations in the backward pass instead of storing them.
    """

    def __init__(
        self,
        blocks: Sequence[SwinBlock],
        window: Size3,
        shrinks: bool,
        gradient_checkpointing: bool,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.window = window
        self.shrinks = shrinks
        self.gradient_checkpointing = gradient_checkpointing

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens (clips, frames, h, w, dim) -> the same shape."""
        layouts = [
            Layout.of(x.shape[1:4], self.window, shifts, self.shrinks) for shifts in (False, True)
        ]
        regions = [layout.regions(x.device) for layout in layouts]
        for index, block in enumerate(self.blocks):
            inputs = (x, layouts[index % 2], regions[index % 2])
            if self.gradient_checkpointing and self.training:
                x = checkpoint(block, *inputs, use_reentrant=False)
            else:
                x = block(*inputs)
        return x


class PatchMerging(nn.Module):
    """Join blocks of 2x2 tokens; the columns run slower than the rows in the joined channels."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * dim)
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(clips, frames, h, w, dim) -> (clips, frames, h / 2, w / 2, 2 * dim), rounded up."""
        x = F.pad(x, (0, 0, 0, x.shape[3] % 2, 0, x.shape[2] % 2))
        corners = [x[:, :, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return apply_linear(self.reduction, self.norm(torch.cat(corners, dim=-1)))


class PatchEmbedding(nn.Module):
    """Patches of 4x4 pixels to tokens; the input is padded to whole patches."""

    def __init__(self, dim: int, is_video: bool) -> None:
        super().__init__()
        self.proj: nn.Conv3d | nn.Conv2d
        if is_video:
            self.proj = nn.Conv3d(3, dim, (1, 4, 4), (1, 4, 4))
        else:
            self.proj = nn.Conv2d(3, dim, 4, 4)
        self.norm = nn.LayerNorm(dim)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """(clips, frames, 3, H, W) -> (clips, frames, H / 4, W / 4, dim), rounded up."""
        frames = clips.flatten(0, 1)
        frames = F.pad(frames, (0, -frames.shape[-1] % 4, 0, -frames.shape[-2] % 4))
        weight = self.proj.weight.flatten(2).unflatten(2, (4, 4))
        x = F.conv2d(frames, weight, self.proj.bias, stride=4)
        return self.norm(x.permute(0, 2, 3, 1)).unflatten(0, clips.shape[:2])


class Swin(nn.Module):
    """The backbone.

    Args:
        dim: Channels of the first stage; they double from stage to stage.
        depths: Blocks of each stage.
        num_heads: Attention heads of each stage.
        is_video: Whether windows reach over frames; the outputs then have no norm.
        drop_path: Skipping probability of the last block; it grows linearly from 0.
        gradient_checkpointing: See ``SwinStage``.
    """

    def __init__(
        self,
        dim: int,
        depths: Sequence[int],
        num_heads: Sequence[int],
        is_video: bool,
        drop_path: float = 0.2,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        window = (8, 7, 7) if is_video else (1, 7, 7)
        self.is_video = is_video
        self.channels = [dim * 2**stage for stage in range(len(depths))]
        self.patch_embed = PatchEmbedding(dim, is_video)
        rates = iter(np.linspace(0, drop_path, sum(depths)).tolist())
        self.layers = nn.ModuleList()
        for depth, heads, channels in zip(depths, num_heads, self.channels, strict=True):
            blocks = [SwinBlock(channels, window, heads, next(rates)) for _ in range(depth)]
            self.layers.append(SwinStage(blocks, window, is_video, gradient_checkpointing))
        merging = [PatchMerging(channels) for channels in self.channels[:-1]]
        if is_video:
            self.downsamples = nn.ModuleList(merging)
        else:
            for stage, module in zip(self.layers, merging, strict=False):
                stage.downsample = module
            for index, channels in enumerate(self.channels):
                setattr(self, f"norm{index}", nn.LayerNorm(channels))
        self.apply(_initialise)

    def forward(self, clips: torch.Tensor) -> list[torch.Tensor]:
        """Clips (clips, frames, 3, H, W) -> four maps (clips * frames, channels, h, w)."""
        x = self.patch_embed(clips)
        if not self.is_video:  # every frame is a clip of its own, also for dropped branches
            x = x.flatten(0, 1)[:, None]
        maps = []
        for index, stage in enumerate(self.layers):
            x = stage(x)
            output = x if self.is_video else getattr(self, f"norm{index}")(x)
            maps.append(output.flatten(0, 1).permute(0, 3, 1, 2))
            if index < len(self.layers) - 1:
                merging = (
                    self.downsamples[index] if self.is_video else stage.get_submodule("downsample")
                )
                x = merging(x)
        return maps


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
