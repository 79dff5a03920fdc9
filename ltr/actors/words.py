"""Training of words and pixels to fit each other, before any object is segmented."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from ltr.actors.base import Actor, Stats
from ltr.data.referring.batches import SentenceBatch, SharedClips
from ltr.models.referring.design import PYRAMID_LEVELS
from ltr.models.referring.referformer import ReferFormer

_GROUND_WEIGHT = 0.25


class WordActor(Actor):
    """Cross entropies of which cells show an object that a sentence fits.

    Args:
        network: A ``ReferFormer``, of which backbone, text encoder and fusion learn.
        tokenise: Sentences to word pieces.
    """

    network: ReferFormer

    def __init__(
        self, network: ReferFormer, tokenise: Callable[[Sequence[str]], SentenceBatch]
    ) -> None:
        super().__init__(network)
        self.tokenise = tokenise

    def __call__(self, batch: Mapping[str, Any]) -> tuple[torch.Tensor, Stats]:
        """See ``Actor``; the batch holds samples of ``WordSamples``.

        Returns:
            The loss; ``Loss/total``, and ``Stats/right_8``, ``_16`` and ``_32``: the percentage of
            right cells of objects in maps of these strides, the mean of fitting and other ones.
        """
        clips = batch["clips"]
        sentences = self.tokenise(batch["sentences"]).to(clips.device)
        total, stats = torch.zeros((), device=clips.device), {}
        for logits in word_maps(self.network, clips, sentences):
            stride = batch["labels"].shape[-1] // logits.shape[-1]
            wanted, shown = fitting_cells(batch["labels"], batch["fits"], stride)
            logits = logits.float()
            weight = shown + _GROUND_WEIGHT * (1 - shown)
            entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
            total = total + (weight * entropy).sum() / weight.sum()
            stats[f"Stats/right_{stride}"] = _balanced(logits > 0, wanted > 0.5, shown)
        return total, {"Loss/total": total, **stats}


def word_maps(
    network: ReferFormer, shared: SharedClips, sentences: SentenceBatch
) -> list[torch.Tensor]:
    """How well every cell fits the words: the sum of what the encoder gets, which is their product.

    Args:
        network: Its backbone, text encoder and fusion are used.
        shared: The clips.
        sentences: One a pair.

    Returns:
        Logits of strides 8, 16 and 32, (pairs * wanted frames, h, w) each.
    """
    seen = network.extract_features(shared.clips).of_pairs(shared)
    words = network.encode_sentences(sentences).words.repeat(shared.frames.shape[1])
    levels = network.fuse(seen.maps[1:], seen.padding, words)[:PYRAMID_LEVELS]
    return [level.maps.sum(1) / network.dim**0.5 for level in levels]


def fitting_cells(
    labels: torch.Tensor, fits: torch.Tensor, stride: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """What every sentence means in maps of a stride.

    Args:
        labels: Ids of objects, 0 for the ground, (clips, frames, H, W).
        fits: Which objects the sentences fit, bool (clips, sentences, objects).
        stride: Side of a cell, pixels.

    Returns:
        The fitting objects' share of what a cell shows of objects, and the share of objects in it,
        both (clips * sentences * frames, h, w).
    """
    objects = F.one_hot(labels.long(), fits.shape[-1] + 1)[..., 1:].float()
    shares = F.avg_pool2d(objects.permute(0, 1, 4, 2, 3).flatten(0, 1), stride)
    shares = shares.unflatten(0, labels.shape[:2])
    fitting = torch.einsum("cso,cfohw->csfhw", fits.float(), shares)
    shown = shares.sum(2)[:, None].expand_as(fitting)
    return (fitting / shown.clamp(min=1e-6)).flatten(0, 2), shown.flatten(0, 2)


def _balanced(found: torch.Tensor, wanted: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
    """Percentage of right cells by what they show, the mean of the wanted and of the others."""
    parts = [shown * wanted, shown * ~wanted]
    right = [((found == wanted) * part).sum() / part.sum().clamp(min=1e-6) for part in parts]
    return 50 * (right[0] + right[1])
