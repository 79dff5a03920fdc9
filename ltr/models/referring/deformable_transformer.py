"""Deformable encoder over the pixels of a frame, and decoder of the sentence's queries (2.7, 2.8).

Frames are independent here: N runs over all frames of all clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from ltr.models.referring import fusion
from ltr.models.referring.deformable_attention import DeformableAttention
from ltr.models.referring.deformable_sampling import MapSizes
from ltr.models.referring.heads import refine_boxes
from ltr.models.referring.positions import valid_ratios


class Level(NamedTuple):
    """Maps of one resolution.

    Args:
        maps: (N, dim, h, w).
        position: Encoding of rows and columns, (N or 1, dim, h, w).
        padding: bool (N, h, w); None where nothing is padded.
    """

    maps: torch.Tensor
    position: torch.Tensor
    padding: torch.Tensor | None


class Memory(NamedTuple):
    """Encoded maps of all levels.

    Args:
        tokens: (N, sum of h * w, dim).
        sizes: Height and width of each level.
        padding: bool (N, sum of h * w); None where nothing is padded.
        ratios: Unpadded fraction of width and height, (N or 1, levels, 2), 0..1.
    """

    tokens: torch.Tensor
    sizes: MapSizes
    padding: torch.Tensor | None
    ratios: torch.Tensor

    def level(self, index: int) -> torch.Tensor:
        """The maps of one level, (N, dim, h, w)."""
        lengths = [height * width for height, width in self.sizes]
        tokens = self.tokens.split(lengths, dim=1)[index]
        return tokens.transpose(1, 2).unflatten(2, self.sizes[index])

    def frames(self, part: slice) -> Memory:
        """The memory of some frames."""
        return Memory(
            self.tokens[part],
            self.sizes,
            None if self.padding is None else self.padding[part],
            self.ratios if len(self.ratios) == 1 else self.ratios[part],
        )

    @classmethod
    def join(cls, parts: Sequence[Memory]) -> Memory:
        """The memory of all frames of several parts."""
        if len(parts) == 1:
            return parts[0]
        first = parts[0]
        tokens = torch.cat([part.tokens for part in parts])
        paddings = [part.padding for part in parts if part.padding is not None]
        if not paddings:
            return cls(tokens, first.sizes, None, first.ratios)
        ratios = torch.cat([part.ratios for part in parts])
        return cls(tokens, first.sizes, torch.cat(paddings), ratios)


class Decoded(NamedTuple):
    """What the decoder found, one entry a layer.

    Args:
        states: (N, queries, dim) each.
        boxes: Centre, width and height, 0..1, (N, queries, 4) each.
        references: Boxes or points after each layer, (N, queries, 4 or 2) each.
    """

    states: tuple[torch.Tensor, ...]
    boxes: tuple[torch.Tensor, ...]
    references: tuple[torch.Tensor, ...]

    @classmethod
    def join(cls, parts: Sequence[Decoded]) -> Decoded:
        """The results of all frames of several parts."""
        if len(parts) == 1:
            return parts[0]
        fields = zip(*parts, strict=True)
        return cls(*(tuple(map(torch.cat, zip(*field, strict=True))) for field in fields))


class EncoderLayer(nn.Module):
    """Deformable attention of pixels to pixels, and a feed-forward layer.

    Args:
        attention: Deformable self-attention of the layer.
        dim: Channels.
        feedforward_dim: Hidden units.
        dropout: Share of units dropped in training.
    """

    def __init__(
        self, attention: DeformableAttention, dim: int, feedforward_dim: int, dropout: float
    ) -> None:
        super().__init__()
        self.self_attn = attention
        self.norm1 = nn.LayerNorm(dim)
        self.linear1 = nn.Linear(dim, feedforward_dim)
        self.linear2 = nn.Linear(feedforward_dim, dim)
        self.norm2 = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: torch.Tensor,
        position: torch.Tensor,
        references: torch.Tensor,
        sizes: MapSizes,
        padding: torch.Tensor | None,
    ) -> torch.Tensor:
        """Tokens (N, S, dim), references (N or 1, S, levels, 2) -> (N, S, dim)."""
        attended = self.self_attn(x + position, references, x, sizes, padding)
        x = self.norm1(x + self.dropout(attended))
        hidden = fusion.feed_forward(x, self.linear1, self.linear2, self.dropout)
        return self.norm2(x + self.dropout(hidden))


class Encoder(nn.Module):
    """Encoder layers one after the other."""

    def __init__(self, layers: Sequence[EncoderLayer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: torch.Tensor, position: torch.Tensor, memory: Memory) -> Memory:
        """Encode tokens (N, S, dim) with their position; ``memory`` describes the levels."""
        references = _cell_centers(memory)
        for layer in self.layers:
            x = layer(x, position, references, memory.sizes, memory.padding)
        return memory._replace(tokens=x)


def _cell_centers(memory: Memory) -> torch.Tensor:
    """Centre of every cell as seen in every level, (N or 1, S, levels, 2), x first."""
    centers = []
    for level, (height, width) in enumerate(memory.sizes):
        ratio = memory.ratios[:, level]
        y, x = (
            torch.arange(side, device=ratio.device, dtype=ratio.dtype) + 0.5
            for side in (height, width)
        )
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).flatten(0, 1)
        size = ratio.new_tensor((width, height))
        centers.append(grid / (size * ratio)[:, None])
    return torch.cat(centers, dim=1)[:, :, None] * memory.ratios[:, None]


class DecoderLayer(nn.Module):
    """Attention among queries, to the tracking memory, to the current memory; feed-forward.

    Both memories are read with the same weights and the same norm, tracking first (spec 3.1).
    ``norm2`` belongs to the self-attention and ``norm1`` to the others, as in Deformable DETR.

    Args:
        attention: Deformable cross-attention of the layer.
        dim: Channels.
        num_heads: Heads of the attention among queries.
        feedforward_dim: Hidden units.
        dropout: Share of units dropped in training.
    """

    def __init__(
        self,
        attention: DeformableAttention,
        dim: int,
        num_heads: int,
        feedforward_dim: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.cross_attn = attention
        self.norm1 = nn.LayerNorm(dim)
        self.self_attn = nn.MultiheadAttention(dim, num_heads, dropout, batch_first=True)
        self.norm2 = nn.LayerNorm(dim)
        self.linear1 = nn.Linear(dim, feedforward_dim)
        self.linear2 = nn.Linear(feedforward_dim, dim)
        self.norm3 = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: torch.Tensor,
        position: torch.Tensor,
        references: torch.Tensor,
        memory: Memory,
        previous: Memory | None = None,
    ) -> torch.Tensor:
        """Queries (N, Q, dim), references (N, Q, levels, 2 or 4) -> (N, Q, dim)."""
        keys = x + position
        attended = fusion.attend(self.self_attn, keys, keys, x)
        x = self.norm2(x + self.dropout(attended))
        for source in (memory,) if previous is None else (previous, memory):
            attended = self.cross_attn(
                x + position, references, source.tokens, source.sizes, source.padding
            )
            x = self.norm1(x + self.dropout(attended))
        hidden = fusion.feed_forward(x, self.linear1, self.linear2, self.dropout)
        return self.norm3(x + self.dropout(hidden))


class Decoder(nn.Module):
    """Decoder layers, each followed by a box head that refines the references.

    Args:
        layers: One after the other.
        has_refinement: Whether the box of a layer is the next layer's reference.
    """

    def __init__(self, layers: Sequence[DecoderLayer], has_refinement: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.has_refinement = has_refinement

    def forward(
        self,
        x: torch.Tensor,
        position: torch.Tensor,
        references: torch.Tensor,
        memory: Memory,
        box_heads: nn.ModuleList,
        previous: Memory | None = None,
    ) -> Decoded:
        """Decode.

        Args:
            x: Queries (N, Q, dim).
            position: Encoding of the queries, (Q, dim).
            references: Start points, (N, Q, 2), as shares of the unpadded frame.
            memory: The current frames.
            box_heads: One a layer, dim -> 4.
            previous: The tracking images, with sizes and padding of their own.
        """
        states, boxes, refined = [], [], []
        for layer, head in zip(self.layers, box_heads, strict=True):
            ratios = memory.ratios.repeat(1, 1, references.shape[-1] // 2)
            scaled = references[:, :, None] * ratios[:, None]
            x = layer(x, position, scaled, memory, previous)
            box = refine_boxes(head(x), references)
            if self.has_refinement:
                references = box.detach()
            states.append(x)
            boxes.append(box)
            refined.append(references)
        return Decoded(tuple(states), tuple(boxes), tuple(refined))


class DeformableTransformer(nn.Module):
    """Encoder and decoder.

    Args:
        dim: Channels.
        num_heads: Attention heads.
        encoder_layers: Number of encoder layers.
        decoder_layers: Number of decoder layers.
        feedforward_dim: Hidden units.
        dropout: Share of units dropped in training.
        num_levels: Maps of different resolution.
        num_points: Points that a head reads in each level.
        has_refinement: Whether the box of a decoder layer is the next layer's reference.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        encoder_layers: int,
        decoder_layers: int,
        feedforward_dim: int,
        dropout: float,
        num_levels: int,
        num_points: int,
        has_refinement: bool,
    ) -> None:
        super().__init__()

        def attention() -> DeformableAttention:
            return DeformableAttention(dim, num_levels, num_heads, num_points)

        self.level_embed = nn.Parameter(torch.empty(num_levels, dim))
        self.encoder = Encoder(
            [
                EncoderLayer(attention(), dim, feedforward_dim, dropout)
                for _ in range(encoder_layers)
            ]
        )
        self.decoder = Decoder(
            [
                DecoderLayer(attention(), dim, num_heads, feedforward_dim, dropout)
                for _ in range(decoder_layers)
            ],
            has_refinement,
        )
        self.reference_points = nn.Linear(dim, 2)
        self._initialise()

    def _initialise(self) -> None:
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        for module in self.modules():
            if isinstance(module, DeformableAttention):
                module.reset_parameters()
        nn.init.zeros_(self.reference_points.bias)
        nn.init.normal_(self.level_embed)

    def encode(self, levels: Sequence[Level]) -> Memory:
        """Encode the levels of N frames."""
        positions = [
            (level.position + embedding[:, None, None]).flatten(2)
            for level, embedding in zip(levels, self.level_embed, strict=True)
        ]
        paddings = [level.padding for level in levels if level.padding is not None]
        memory = Memory(
            torch.cat([level.maps.flatten(2) for level in levels], dim=2).transpose(1, 2),
            tuple((level.maps.shape[-2], level.maps.shape[-1]) for level in levels),
            torch.cat([x.flatten(1) for x in paddings], dim=1) if paddings else None,
            torch.stack([valid_ratios(x) for x in paddings], dim=1)
            if paddings
            else self.level_embed.new_ones(1, len(levels), 2),
        )
        return self.encoder(memory.tokens, torch.cat(positions, dim=2).transpose(1, 2), memory)

    def decode(
        self,
        queries: torch.Tensor,
        position: torch.Tensor,
        memory: Memory,
        box_heads: nn.ModuleList,
        previous: Memory | None = None,
    ) -> Decoded:
        """Decode queries (N, Q, dim) with the encoding (Q, dim); see ``Decoder``."""
        references = self.reference_points(position).sigmoid().expand(len(queries), -1, -1)
        return self.decoder(queries, position, references, memory, box_heads, previous)
