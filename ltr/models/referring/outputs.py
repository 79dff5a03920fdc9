"""What the parts of the network hand on: features of clips, and predictions."""

from __future__ import annotations

from typing import NamedTuple

import torch

from ltr.data.referring.batches import SharedClips
from ltr.models.referring.deformable_transformer import Memory
from ltr.models.referring.fusion import Words


class ClipFeatures(NamedTuple):
    """What the network knows of clips without a sentence; N = clips * frames.

    Args:
        maps: Of the strides 4 (for the pixel decoder), 8, 16, 32 and 64 (for the encoder),
            (N, dim, h, w) each.
        sizes: Height and width of each clip without padding.
        padding: bool (N, H, W); None where nothing is padded.
    """

    maps: tuple[torch.Tensor, ...]
    sizes: tuple[tuple[int, int], ...]
    padding: torch.Tensor | None

    def to(self, device: torch.device | str) -> ClipFeatures:
        """The maps on another device."""
        padding = None if self.padding is None else self.padding.to(device)
        return ClipFeatures(tuple(x.to(device) for x in self.maps), self.sizes, padding)

    def of_pairs(self, shared: SharedClips) -> ClipFeatures:
        """The wanted frames of every pair of these clips and a sentence."""
        places = shared.places
        return ClipFeatures(
            tuple(maps[places] for maps in self.maps),
            tuple(size for size in self.sizes for _ in range(shared.sentences)),
            None if self.padding is None else self.padding[places],
        )


class EncodedSentences(NamedTuple):
    """What the text encoder says of the sentences of a batch.

    Args:
        words: Word features of each sentence.
        whole: Feature of each sentence as a whole, (sentences, dim).
    """

    words: Words
    whole: torch.Tensor


class EncodedClips(NamedTuple):
    """Frames after the encoder; N = clips * frames.

    Args:
        fine: Maps of stride 4 for the pixel decoder, (N, dim, H / 4, W / 4).
        memory: Encoder memory of all frames.
        padding: bool (N, H, W); None where nothing is padded.
    """

    fine: torch.Tensor
    memory: Memory
    padding: torch.Tensor | None


class Predictions(NamedTuple):
    """What one decoder layer says of every query; a query is one object in all frames.

    Args:
        logits: (clips, frames, queries, classes).
        boxes: Centre, width and height, 0..1 of the unpadded frame, (clips, frames, queries, 4).
        masks: Logits of stride 4 over the padded frame, (clips, frames, queries, H / 4, W / 4).
        centers: References that the last layer started from, (clips, frames, queries, 2).
        auxiliary: Predictions of the earlier layers, if requested.
    """

    logits: torch.Tensor
    boxes: torch.Tensor
    masks: torch.Tensor
    centers: torch.Tensor
    auxiliary: tuple[Predictions, ...] = ()


def best_queries(logits: torch.Tensor) -> torch.Tensor:
    """The query that answers for a whole clip: the largest mean score of its best class.

    Args:
        logits: (clips, frames, queries, classes).

    Returns:
        int64 (clips,).
    """
    return logits.float().sigmoid().mean(dim=1).amax(dim=-1).argmax(dim=-1)
