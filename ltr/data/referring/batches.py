"""What goes into a network, clips and sentences, and what is wanted of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F


class ClipBatch(NamedTuple):
    """Clips of one batch, each padded at the bottom and on the right.

    Args:
        frames: (clips, frames, 3, H, W), normalised; the padding is 0.
        sizes: Height and width of each clip without padding.
    """

    frames: torch.Tensor
    sizes: tuple[tuple[int, int], ...]

    def to(self, device: torch.device | str) -> ClipBatch:
        """The batch on another device."""
        return self._replace(frames=self.frames.to(device))

    @property
    def device(self) -> torch.device:
        """Where the clips are."""
        return self.frames.device

    @property
    def padding(self) -> torch.Tensor | None:
        """Where padding lies, bool (clips * frames, H, W); None where no clip is padded."""
        clips, frames, _, height, width = self.frames.shape
        if all(size == (height, width) for size in self.sizes):
            return None
        padding = self.frames.new_ones(clips, height, width, dtype=torch.bool)
        for clip, (rows, columns) in zip(padding, self.sizes, strict=True):
            clip[:rows, :columns] = False
        return padding.repeat_interleave(frames, dim=0)


class SharedClips(NamedTuple):
    """Clips that several sentences are about; a pair is one of them with its clip.

    Args:
        clips: The clips, each once.
        frames: int64 (clips, count), the frames of each clip that are wanted; the others only serve
            a video backbone.
        sentences: Number of sentences about each clip; they follow each other in the batch.
    """

    clips: ClipBatch
    frames: torch.Tensor
    sentences: int

    def to(self, device: torch.device | str) -> SharedClips:
        """The batch on another device."""
        return SharedClips(self.clips.to(device), self.frames.to(device), self.sentences)

    @property
    def device(self) -> torch.device:
        """Where the clips are."""
        return self.clips.device

    @property
    def places(self) -> torch.Tensor:
        """The wanted frames of all pairs, numbered through all clips, int64 (pairs * count,)."""
        count, length = self.clips.frames.shape[:2]
        first = length * torch.arange(count, device=self.frames.device)
        return (self.frames + first[:, None]).repeat_interleave(self.sentences, 0).flatten()


class SentenceBatch(NamedTuple):
    """Sentences of one batch as the numbers of their word pieces.

    Args:
        ids: int64 (sentences, length).
        attention: int64 (sentences, length), 1 on word pieces and 0 on padding.
    """

    ids: torch.Tensor
    attention: torch.Tensor

    def to(self, device: torch.device | str) -> SentenceBatch:
        """The batch on another device."""
        return SentenceBatch(self.ids.to(device), self.attention.to(device))


class ReferringTarget(NamedTuple):
    """The object that a sentence means, in the frames of one clip.

    Args:
        labels: Class in each frame, int64 (frames,).
        boxes: Centre, width and height as shares of the clip's size, (frames, 4); 0 where absent.
        masks: (frames, height, width), not 0 on the object.
        valid: Whether the object is there, (frames,).
    """

    labels: torch.Tensor
    boxes: torch.Tensor
    masks: torch.Tensor
    valid: torch.Tensor

    def to(self, device: torch.device | str) -> ReferringTarget:
        """The target on another device."""
        return ReferringTarget(*(value.to(device) for value in self))


def pad_clips(clips: Sequence[torch.Tensor], multiple: int = 1) -> ClipBatch:
    """Bring clips to a common size.

    Args:
        clips: Normalised clips (frames, 3, height, width) with the same number of frames.
        multiple: Height and width are padded to a multiple of this (32 in training).
    """
    sizes = tuple((clip.shape[-2], clip.shape[-1]) for clip in clips)
    height, width = (-(-max(side) // multiple) * multiple for side in zip(*sizes, strict=True))
    frames = [F.pad(c, (0, width - c.shape[-1], 0, height - c.shape[-2])) for c in clips]
    return ClipBatch(torch.stack(frames), sizes)
