"""Where words meet pixels: multiplicative fusion, and the block of the pixel decoder.

Maps are ``(clips, frames, channels, h, w)``; their pixels are tokens ``(clips, frames * h * w,
channels)``, frame after frame.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.layers.chunks import apply_in_chunks
from ltr.models.layers.matmul import PackedLinear, apply_linear, is_exact_inference, linear_fast
from ltr.models.referring.positions import sine_position_1d

# Hidden units of a feed-forward layer are many times its input: this many tokens go through it at
# once. 16,384 tokens with 2,048 hidden units are 128 MiB.
TOKENS_AT_ONCE = 16384
_TOKENS_IN_CACHE = 256  # of one core, whose hidden units stay in its cache


class Words(NamedTuple):
    """The words of a batch of sentences.

    Args:
        features: (sentences, length, dim).
        keys: ``features`` plus the encoding of their positions, same shape.
        padding: bool (sentences, length); None where no sentence is padded.
    """

    features: torch.Tensor
    keys: torch.Tensor
    padding: torch.Tensor | None

    @classmethod
    def encode(cls, features: torch.Tensor, padding: torch.Tensor) -> Words:
        """Add the places to the features; the padding is bool (sentences, length)."""
        position = sine_position_1d(padding, features.shape[-1]).to(features.dtype)
        return cls(features, features + position, padding)

    def repeat(self, times: int) -> Words:
        """Each sentence several times, one after the other."""
        return Words(
            self.features.repeat_interleave(times, 0),
            self.keys.repeat_interleave(times, 0),
            None if self.padding is None else self.padding.repeat_interleave(times, 0),
        )

    def part(self, sentences: slice) -> Words:
        """Some of the sentences."""
        return Words(
            self.features[sentences],
            self.keys[sentences],
            None if self.padding is None else self.padding[sentences],
        )


def to_tokens(maps: torch.Tensor) -> torch.Tensor:
    """(clips, frames, dim, h, w) -> (clips, frames * h * w, dim)."""
    return maps.permute(0, 1, 3, 4, 2).flatten(1, 3)


def to_maps(tokens: torch.Tensor, frames: int, height: int, width: int) -> torch.Tensor:
    """(clips, frames * h * w, dim) -> (clips, frames, dim, h, w)."""
    return tokens.unflatten(1, (frames, height, width)).permute(0, 1, 4, 2, 3)


def attend_words(attention: nn.MultiheadAttention, x: torch.Tensor, words: Words) -> torch.Tensor:
    """Let tokens (clips, tokens, dim) attend to the words of their sentence."""
    count = attention.num_heads * words.features.shape[1]
    if is_exact_inference(x) and count < x.shape[-1]:
        return _attend_to_few(attention, x, words)
    return attend(attention, x, words.keys, words.features, words.padding)


def _attend_to_few(attention: nn.MultiheadAttention, x: torch.Tensor, words: Words) -> torch.Tensor:
    """The same with fewer products: of tokens and words instead of tokens and channels.

    What projects the queries meets the words' keys once a sentence, and what projects the output
    meets their values, so there is a row of scores for a token instead of queries and outputs.
    """
    heads = attention.num_heads
    of_query, of_key, of_value = attention.in_proj_weight.unflatten(0, (3, heads, -1))
    from_query, from_key, from_value = attention.in_proj_bias.unflatten(0, (3, heads, -1))
    keys = torch.einsum("slc,hdc->shld", words.keys, of_key) + from_key[:, None]
    values = torch.einsum("slc,hdc->shld", words.features, of_value) + from_value[:, None]
    keys = keys * of_query.shape[1] ** -0.5
    weights = torch.einsum("shld,hdc->shlc", keys, of_query).flatten(1, 2)
    biases = torch.einsum("shld,hd->shl", keys, from_query)
    if words.padding is not None:
        biases = biases.masked_fill(words.padding[:, None], -torch.inf)
    outputs = attention.out_proj.weight.unflatten(1, (heads, -1))
    outputs = torch.einsum("shld,chd->schl", values, outputs).flatten(2)
    found = []
    for tokens, weight, bias, output in zip(x, weights, biases, outputs, strict=True):
        scores = linear_fast(tokens, weight, bias.flatten())
        # Tokens last: a softmax over a few values that lie side by side is slow.
        shares = scores.T.contiguous().unflatten(0, (heads, -1)).softmax(dim=1).flatten(0, 1)
        found.append(torch.addmm(attention.out_proj.bias, shares.T, output.T))
    return torch.stack(found)


def attend(
    attention: nn.MultiheadAttention,
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    padding: torch.Tensor | None = None,
) -> torch.Tensor:
    """Compute what ``attention`` with ``batch_first`` computes, without its slow copies.

    Args:
        attention: Holds the weights.
        queries: (N, queries, dim).
        keys: (N, keys, dim).
        values: (N, keys, dim).
        padding: bool (N, keys), keys that nothing attends to.

    Returns:
        (N, queries, dim).
    """
    weights = attention.in_proj_weight.chunk(3)
    biases = attention.in_proj_bias.chunk(3)
    query, key, value = (
        linear_fast(x.flatten(0, 1), weight, bias)
        .view(*x.shape[:2], attention.num_heads, -1)
        .transpose(1, 2)
        for x, weight, bias in zip((queries, keys, values), weights, biases, strict=True)
    )
    attended = F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=None if padding is None else ~padding[:, None, None],
        dropout_p=attention.dropout if attention.training else 0.0,
    )
    return apply_linear(attention.out_proj, attended.transpose(1, 2).flatten(2))


def feed_forward(
    x: torch.Tensor, linear1: nn.Linear, linear2: nn.Linear, dropout: nn.Dropout
) -> torch.Tensor:
    """Two linear layers with a ReLU between, on tokens (N, tokens, dim)."""
    rows, size = x.flatten(0, 1), TOKENS_AT_ONCE

    def apply(rows: torch.Tensor) -> torch.Tensor:
        return apply_linear(linear2, dropout(apply_linear(linear1, rows, rectifies=True)))

    if is_exact_inference(x) and not dropout.training:
        size = _TOKENS_IN_CACHE * torch.get_num_threads()
        if len(rows) > size:  # else laying the weights out takes longer than it saves
            first, second = (PackedLinear(x.weight, x.bias, size) for x in (linear1, linear2))
            return apply_in_chunks(lambda rows: second(first(rows, "relu")), rows, size=size).view(
                x.shape
            )
    return apply_in_chunks(apply, rows, size=size).view(x.shape)


class LanguageFusion(nn.Module):
    """Multiply pixels by what they read from the words; neither residual nor norm.

    Args:
        dim: Channels of pixels and words.
        num_heads: Attention heads.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.multihead_attn = nn.MultiheadAttention(dim, num_heads, batch_first=True)

    def forward(self, x: torch.Tensor, words: Words) -> torch.Tensor:
        """Pixels (clips, tokens, dim) -> the same shape."""
        return x * attend_words(self.multihead_attn, x, words)


class VisionLanguageBlock(nn.Module):
    """Attention among all pixels of a clip, attention to the words, and a feed-forward layer.

    Args:
        dim: Channels.
        num_heads: Attention heads.
        feedforward_dim: Hidden units.
        dropout: Share of units dropped in training.
        reduction: Pixels attend to each other in maps that are this much smaller.
    """

    def __init__(
        self, dim: int, num_heads: int, feedforward_dim: int, dropout: float, reduction: int
    ) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(dim, num_heads, dropout, batch_first=True)
        self.multihead_attn = nn.MultiheadAttention(dim, num_heads, dropout, batch_first=True)
        self.linear1 = nn.Linear(dim, feedforward_dim)
        self.linear2 = nn.Linear(feedforward_dim, dim)
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.norm3 = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)
        self.reduction = reduction

    def forward(
        self,
        maps: torch.Tensor,
        position: torch.Tensor,
        padding: torch.Tensor | None,
        words: Words,
    ) -> torch.Tensor:
        """Relate pixels over the whole clip and to the words.

        Args:
            maps: (clips, frames, dim, h, w).
            position: Encoding, the same shape or 1 for clips and frames.
            padding: bool (clips, frames, h, w).
            words: Word features of each clip's sentence.

        Returns:
            Maps of the same shape.
        """
        return self.read_words(maps, self.attend_pixels(maps, position, padding), position, words)

    def attend_pixels(
        self, maps: torch.Tensor, position: torch.Tensor, padding: torch.Tensor | None
    ) -> torch.Tensor:
        """Attention among pixels; the maps of the result are smaller by ``reduction``."""
        clips, frames = maps.shape[:2]
        maps, position = self._reduce(maps), self._reduce(position)
        height, width = maps.shape[-2:]
        if padding is not None:
            padding = self._reduce(padding[:, :, None].float()).bool().flatten(1)
        values = to_tokens(maps)
        keys = values + to_tokens(position.expand(clips, frames, -1, -1, -1))
        attended = attend(self.self_attn, keys, keys, values, padding)
        return to_maps(attended, frames, height, width)

    def _reduce(self, maps: torch.Tensor) -> torch.Tensor:
        if self.reduction == 1:
            return maps
        size = [side // self.reduction for side in maps.shape[-2:]]
        small = F.interpolate(maps.flatten(0, 1), size, mode="nearest")
        return small.unflatten(0, maps.shape[:2])

    def read_words(
        self, maps: torch.Tensor, attended: torch.Tensor, position: torch.Tensor, words: Words
    ) -> torch.Tensor:
        """Everything after the attention among pixels; frames are independent here."""
        frames, size = maps.shape[1], maps.shape[-2:]
        if self.reduction > 1:
            large = F.interpolate(attended.flatten(0, 1), size, mode="bilinear")
            attended = large.unflatten(0, maps.shape[:2])
        x = self.norm1(to_tokens(maps) + self.dropout(to_tokens(attended)))
        queries = x + to_tokens(position.expand(*maps.shape[:2], -1, -1, -1))
        x = self.norm2(x + self.dropout(attend_words(self.multihead_attn, queries, words)))
        hidden = feed_forward(x, self.linear1, self.linear2, self.dropout)
        return to_maps(self.norm3(x + self.dropout(hidden)), frames, *size)
