"""ReferFormer as published, without our care for memory, to be measured against.

The whole window goes through every layer at once, the samples of all levels are stacked, attention
writes out its weights, matmul run through the matrix library, and the masks of all slots are
enlarged before one is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from deformable_attention import stacked
from torch import nn

from ltr.data.referring.batches import ClipBatch, SentenceBatch
from ltr.models.layers import matmul
from ltr.models.referring import fusion, pixel_decoder
from ltr.models.referring.deformable_attention import DeformableAttention
from ltr.models.referring.referformer import ReferFormer

_EVERYTHING = 2**62


def attend_explicitly(
    attention: nn.MultiheadAttention,
    queries: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    padding: torch.Tensor | None = None,
) -> torch.Tensor:
    """Attention that computes its weights; arguments as of ``fusion.attend``."""
    return attention(queries, keys, values, key_padding_mask=padding, need_weights=True)[0]


def make_plain(network: ReferFormer) -> None:
    """Switch everything off, in place and for the whole process."""
    network.chunk_frames = _EVERYTHING
    fusion.TOKENS_AT_ONCE = _EVERYTHING
    pixel_decoder._FRAMES_AT_ONCE = _EVERYTHING
    matmul._has_fast_convolution = lambda x: False
    for module in (matmul, fusion):
        vars(module)["is_exact_inference"] = lambda x: False
    fusion.attend = attend_explicitly
    for layer in network.modules():
        if isinstance(layer, DeformableAttention):
            layer.sampler = stacked


def segment(
    network: ReferFormer,
    clips: ClipBatch,
    sentences: Sequence[SentenceBatch],
    size: tuple[int, int],
) -> list[torch.Tensor]:
    """Masks of each sentence's object, bool (frames, H, W)."""
    results = []
    for sentence in sentences:
        found = network(clips, sentence)
        masks = F.interpolate(found.masks[0], size, mode="bilinear").sigmoid()
        slot = int(found.logits[0].sigmoid().mean(0).amax(-1).argmax())
        results.append(masks[:, slot] > 0.5)
    return results
