"""Sentences with what the data sets know beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from pytracking.tracker.referring.sentence_masks import ScoredMasks
from pytracking.tracker.whole_video import InstanceTrack, TextPrompt


@dataclass(frozen=True)
class VideoPrompt(TextPrompt):
    """The sentences of a data set's video, for which files may give key frames or masks.

    Args:
        video: Name of the video.
        expressions: Ids of the sentences.
        stems: Names of the frames.
    """

    video: str = ""
    expressions: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetPrompt(TextPrompt):
    """A sentence for one frame of a short clip (A2D-Sentences, JHMDB-Sentences).

    Args:
        target: Position of the frame.
    """

    target: int = 0


@dataclass(frozen=True)
class ReferredTrack(InstanceTrack):
    """What a sentence names.

    Args:
        mask_logits: Logits of the masks on the network's grid, float32 (frames, h, w), on the CPU.
        query_boxes: Box of the chosen query in every frame: centre, width and height, 0..1 of the
            frame, (frames, 4); NaN where the network found none.
        query_centers: Where the last decoder layer began to look, (frames, 2), likewise.
        key_frame: The frame from which was tracked; None without tracking.
        candidates: All queries of the target frame, where there is one.
    """

    mask_logits: torch.Tensor | None = None
    query_boxes: torch.Tensor | None = None
    query_centers: torch.Tensor | None = None
    key_frame: int | None = None
    candidates: ScoredMasks | None = None

    def probabilities(self, position: int, size: tuple[int, int]) -> np.ndarray:
        """Soft mask of a frame, float32 (H, W); for tracks of a whole clip."""
        from pytracking.tracker.referring.rules import full_probabilities

        assert self.mask_logits is not None  # only the tracks of a single frame have none
        return full_probabilities(self.mask_logits[position, None], size)[0].numpy()
