"""Transduction branch: one attention layer over the memory, one from the frame to the memory.

Tokens are ``(batch, tokens, channels)``; the batch runs over sequences (objects).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.layers.normalization import token_instance_norm

INVERSE_TEMPERATURE = 30.0


class CosineAttention(nn.Module):
    """Single-head attention whose scores are cosines over a fixed temperature of 1/30.

    Queries and keys share one projection; the values are used as they are.

    Args:
        dim: Channels of the tokens.
        key_dim: Channels of the projected keys.
    """

    def __init__(self, dim: int, key_dim: int) -> None:
        super().__init__()
        self.WK = nn.Linear(dim, key_dim)
        # Upstream's value projection: part of every checkpoint, never used.
        self.WV = nn.Linear(dim, dim)
        for layer in (self.WK, self.WV):
            nn.init.normal_(layer.weight, 0.0, math.sqrt(2.0 / layer.out_features))
            nn.init.zeros_(layer.bias)

    def keys(self, tokens: torch.Tensor) -> torch.Tensor:
        """Project tokens (..., dim) to unit vectors (..., key_dim)."""
        return F.normalize(self.WK(tokens), dim=-1)

    def forward(
        self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
    ) -> torch.Tensor:
        """Attend.

        Args:
            queries: (batch, n, dim).
            keys: (batch, m, dim).
            values: (batch, m, value_dim).

        Returns:
            (batch, n, value_dim).
        """
        return F.scaled_dot_product_attention(
            self.keys(queries), self.keys(keys), values, scale=INVERSE_TEMPERATURE
        )


class Encoder(nn.Module):
    """Self-attention over the tokens of all memory frames together."""

    def __init__(self, self_attn: CosineAttention) -> None:
        super().__init__()
        self.self_attn = self_attn

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Encode a memory.

        Args:
            frames: (frames, batch, tokens, dim).

        Returns:
            The same shape, normalised per frame and channel.
        """
        tokens = frames.transpose(0, 1).flatten(1, 2)
        attended = tokens + self.self_attn(tokens, tokens, tokens)
        attended = attended.unflatten(1, (frames.shape[0], frames.shape[2]))
        return token_instance_norm(attended).transpose(0, 1)


class Decoder(nn.Module):
    """Self-attention of the query frame, then cross-attention to the encoded memory."""

    def __init__(self, self_attn: CosineAttention, cross_attn: CosineAttention) -> None:
        super().__init__()
        self.self_attn = self_attn
        self.cross_attn = cross_attn

    def encode_query(self, query: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, dim) -> the same shape: attended to itself and normalised."""
        return token_instance_norm(query + self.self_attn(query, query, query))

    def forward(
        self, query: torch.Tensor, memory: torch.Tensor, values: torch.Tensor
    ) -> torch.Tensor:
        """Read the memory.

        Args:
            query: (batch, tokens, dim).
            memory: Encoder output, (frames, batch, tokens, dim).
            values: Label encodings of the memory, (frames, batch, tokens, value_dim).

        Returns:
            (batch, tokens, value_dim): convex combinations of the values.
        """
        keys = memory.transpose(0, 1).flatten(1, 2)
        labels = values.transpose(0, 1).flatten(1, 2)
        return self.cross_attn(self.encode_query(query), keys, labels)


class Transformer(nn.Module):
    """Propagate label encodings from memory frames to the current frame.

    Args:
        feature_dim: Channels of the backbone feature.
        dim: Channels of the tokens.
        key_dim: Channels of keys and queries.
    """

    def __init__(self, feature_dim: int, dim: int = 512, key_dim: int = 128) -> None:
        super().__init__()
        self.feature_adjustor = nn.Sequential(nn.Conv2d(feature_dim, dim, 3, 1, 1, bias=False))
        shared = CosineAttention(dim, key_dim)
        self.encoder = Encoder(shared)
        self.decoder = Decoder(shared, CosineAttention(dim, key_dim))

    def tokens(self, features: torch.Tensor) -> torch.Tensor:
        """Project features (frames, batch, C, H, W) to tokens (frames, batch, H * W, dim)."""
        adjusted = self.feature_adjustor(features.flatten(0, 1))
        return adjusted.flatten(2).transpose(1, 2).unflatten(0, features.shape[:2])

    def forward(
        self, test_feat: torch.Tensor, train_feat: torch.Tensor, train_mask_enc: torch.Tensor
    ) -> torch.Tensor:
        """Read the label encoding of one frame from the memory.

        Args:
            test_feat: Backbone feature of the frame, (1, sequences, C, H, W).
            train_feat: Backbone features of the memory, (frames, sequences, C, H, W).
            train_mask_enc: Label encodings of the memory, (frames, sequences, c, H, W).

        Returns:
            (1, sequences, c, H, W).
        """
        return self.read(self.tokens(test_feat), self.tokens(train_feat), train_mask_enc)

    def read(
        self, query: torch.Tensor, memory: torch.Tensor, train_mask_enc: torch.Tensor
    ) -> torch.Tensor:
        """The same for frames that are tokens already, (frames, sequences, H * W, dim)."""
        values = train_mask_enc.flatten(3).transpose(2, 3)
        read = self.decoder(query[0], self.encoder(memory), values)
        return read.transpose(1, 2).unflatten(2, train_mask_enc.shape[-2:]).unsqueeze(0)
