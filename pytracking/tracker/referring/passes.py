"""The two passes over a clip: all frames at once, then outward from a key frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from ltr.data.referring.batches import ClipBatch, SentenceBatch
from ltr.models.layers.side_by_side import map_in_rounds
from ltr.models.referring.outputs import ClipFeatures, EncodedSentences, Predictions
from pytracking.tracker.referring.images import network_input, tracking_input
from pytracking.tracker.referring.parameters import ReferringParameters
from pytracking.tracker.referring.rules import (
    choose_query,
    full_probabilities,
    query_scores,
    tracking_order,
)
from pytracking.tracker.whole_video import Frames

_CERTAIN = 8.0  # logit of a pixel of a given mask

Clips = ClipBatch | ClipFeatures
Sentences = SentenceBatch | EncodedSentences
Network = Callable[[Clips, Sentences, Clips | None], Predictions]


@dataclass
class TrackState:
    """What is known of a sentence's object so far.

    Args:
        scores: (frames,), 0..1.
        mask_logits: (frames, h, w) on the network's grid, a quarter of its input.
        boxes: Centre, width and height of the chosen query, 0..1 of the frame, (frames, 4); NaN
            where none was found.
        centers: Where the last decoder layer began to look for it, (frames, 2), likewise.
        given: Masks, bool (H, W), that came from elsewhere; they win over the logits.
    """

    scores: torch.Tensor
    mask_logits: torch.Tensor
    boxes: torch.Tensor
    centers: torch.Tensor
    given: dict[int, np.ndarray] = field(default_factory=dict)

    @classmethod
    def of(cls, predicted: Predictions) -> TrackState:
        """The best query of a clip."""
        query = choose_query(predicted.logits[0])
        return cls(
            query_scores(predicted.logits[0], query),
            predicted.masks[0, :, query],
            predicted.boxes[0, :, query],
            predicted.centers[0, :, query],
        )

    @classmethod
    def of_masks(cls, masks: Sequence[np.ndarray], grid: tuple[int, int]) -> TrackState:
        """Take masks, bool (H, W), as certain; the score of one that is not empty is 1.

        Args:
            masks: One mask per frame, bool (H, W).
            grid: Height and width of the network's grid.
        """
        pixels = torch.from_numpy(np.stack(masks))[:, None].float()
        shares = F.interpolate(pixels, grid, mode="area")[:, 0]
        scores = pixels.flatten(1).amax(dim=1)
        boxes, centers = (torch.full((len(masks), n), math.nan) for n in (4, 2))
        logits = (2 * shares - 1) * _CERTAIN
        return cls(scores, logits, boxes, centers, dict(enumerate(masks)))

    @classmethod
    def join(cls, parts: Sequence[TrackState]) -> TrackState:
        """The states of windows that follow each other as one."""
        return cls(
            torch.cat([part.scores for part in parts]),
            torch.cat([part.mask_logits for part in parts]),
            torch.cat([part.boxes for part in parts]),
            torch.cat([part.centers for part in parts]),
        )

    def mask(self, frame: int, size: tuple[int, int], threshold: float) -> np.ndarray:
        """The mask of a frame of ``size``, bool (H, W)."""
        if frame in self.given:
            return self.given[frame]
        return (full_probabilities(self.mask_logits[frame, None], size)[0] > threshold).numpy()

    def update(self, frame: int, found: TrackState) -> None:
        """Replace what is known of one frame by another state of that frame alone."""
        self.given.pop(frame, None)
        self.scores[frame], self.mask_logits[frame] = found.scores[0], found.mask_logits[0]
        self.boxes[frame], self.centers[frame] = found.boxes[0], found.centers[0]


def first_pass(
    network: Network,
    sentences: Sequence[Sentences],
    frames: Frames,
    params: ReferringParameters,
    feed_frames: bool,
    extract_features: Callable[[ClipBatch], ClipFeatures] | None = None,
    is_side_by_side: bool = False,
) -> list[TrackState]:
    """Look at the clip window by window, without tracking; the query is chosen for each window.

    Args:
        network: Clips, sentences and tracking images -> predictions on the CPU.
        sentences: One of batch size 1 for each object; encoded, where there are several windows.
        frames: Frames of the video.
        params: Window and size of the input.
        feed_frames: Whether the frames themselves are fed as tracking images.
        extract_features: Computes what needs no sentence, once for all sentences about a window.
        is_side_by_side: Whether sentences are computed at the same time, see ``map_in_rounds``.
    """
    parts: list[list[TrackState]] = [[] for _ in sentences]

    def find(clip: Clips, sentence: Sentences) -> TrackState:
        return TrackState.of(network(clip, sentence, clip if feed_frames else None))

    for start in range(0, len(frames), params.window):
        images = [frames[i] for i in range(start, min(start + params.window, len(frames)))]
        batch = as_clip(network_input(images, params.short_side, params.max_size))
        clip: Clips = batch
        if extract_features is not None and len(sentences) > 1:
            clip = extract_features(batch)
        found = map_in_rounds(partial(find, clip), sentences, is_side_by_side)
        for own, state in zip(parts, found, strict=True):
            own.append(state)
    return [TrackState.join(own) for own in parts]


def track_outward(
    network: Network,
    sentence: Sentences,
    frames: Frames,
    state: TrackState,
    key: int,
    params: ReferringParameters,
    target: int | None = None,
) -> Predictions | None:
    """Follow the object from its key frame to both ends of the clip, one frame at a time.

    Args:
        network: Clips, sentences and tracking images -> predictions on the CPU.
        sentence: One; encoded, where it serves several frames.
        frames: Frames of the video.
        state: State of the object; changed in place, except for the key frame.
        key: The key frame.
        params: Threshold, size of the input, and what happens after an empty mask.
        target: Follow it only to this frame.

    Returns:
        The predictions of the last step; None where there was none.
    """
    predicted = None
    low, high = (0, len(frames)) if target is None else sorted((key, target))
    previous = PreviousMasks(frames, state, key, params)
    for frame, source in tracking_order(len(frames), key, params.skip_first_neighbour):
        if not low <= frame <= high:
            continue
        predicted = network(
            as_clip(network_input([frames[frame]], params.short_side, params.max_size)),
            sentence,
            as_clip(previous.tracking_image(source)),
        )
        state.update(frame, TrackState.of(predicted))
    return predicted


class PreviousMasks:
    """Makes tracking images of a state while it changes.

    Args:
        frames: Frames of the video.
        state: State of the object.
        key: The key frame.
        params: Threshold, size of the input, and what happens after an empty mask.
    """

    def __init__(
        self, frames: Frames, state: TrackState, key: int, params: ReferringParameters
    ) -> None:
        self._frames = frames
        self._state = state
        self._key = key
        self._params = params
        self._last = key

    def tracking_image(self, source: int) -> torch.Tensor:
        """The tracking image of a frame, float32 (1, 3, h, w)."""
        if source == self._key:
            self._last = source  # each direction starts again here
        mask = self._mask(source)
        if mask.any() or self._params.on_empty == "black":
            self._last = source
        else:
            mask = self._mask(self._last)
        image = self._frames[self._last]
        return tracking_input(image, mask, self._params.short_side, self._params.max_size)

    def _mask(self, frame: int) -> np.ndarray:
        size = self._frames[frame].shape[:2]
        return self._state.mask(frame, size, self._params.threshold)


def as_clip(images: torch.Tensor) -> ClipBatch:
    """Frames (frames, 3, h, w) of one clip as a batch without padding."""
    return ClipBatch(images[None], ((images.shape[-2], images.shape[-1]),))
