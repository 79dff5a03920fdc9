"""Proposals as published, without any of our shortcuts, to be measured against.

The features of all frames are kept. Key frames are carried through the clip one after another,
forwards and then backwards; each encodes every frame again, and its memory grows by concatenation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ltr.data.rle import Rle, decode, encode
from ltr.models.layers.aggregation import aggregate
from ltr.models.propose_reduce.image_input import network_size, normalise_and_pad, resize_image
from ltr.models.propose_reduce.mask_rcnn import Features
from ltr.models.propose_reduce.propagation import Memory
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN
from pytracking.tracker.propose_reduce.key_frames import (
    detect_masks,
    key_positions,
    without_overlap,
)
from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters
from pytracking.tracker.propose_reduce.sequences import mask_boxes


@dataclass
class PlainSequences:
    """All sequences of a clip.

    Args:
        masks: Run lengths of every sequence and frame.
        scores: float32 (sequences, classes).
        overlaps: (sequences, sequences).
    """

    masks: Sequence[Sequence[Rle | None]]
    scores: np.ndarray
    overlaps: np.ndarray


class PlainProposals:
    """The published algorithm on the same network.

    Args:
        params: Configuration.
        network: In eval mode.
    """

    def __init__(self, params: ProposeReduceParameters, network: SeqMaskRCNN) -> None:
        self.params = params
        self.network = network

    @torch.inference_mode()
    def propose(self, frames: Sequence[np.ndarray]) -> PlainSequences:
        """Find the sequences of a clip, T frames uint8 (H, W, 3)."""
        clip = [self._features(frame) for frame in frames]
        size, _ = network_size(frames[0].shape[:2], self.params.img_scale)
        settings = self.params.detection_settings
        masks: list[list[Rle]] = []
        scores = []
        for position in key_positions(len(clip), self.params.key_num):
            found, _ = detect_masks(self.network, clip[position].pyramid, size, settings)
            if len(found):
                own = self._follow(clip, position, without_overlap(found))
                masks += [[encode(mask) for mask in sequence] for sequence in own.swapaxes(0, 1)]
                scores.append(self._scores(clip, own))
        return PlainSequences(masks, np.concatenate(scores), _overlaps(masks))

    def _features(self, frame: np.ndarray) -> Features:
        pixels = torch.from_numpy(resize_image(frame, self.params.img_scale))
        return self.network.features(normalise_and_pad(pixels.permute(2, 0, 1)[None]))

    def _follow(self, clip: Sequence[Features], key: int, masks: torch.Tensor) -> np.ndarray:
        """Masks bool (T, M, H, W) of the objects of one key frame."""
        head = self.network.prop_head
        start = head.memorise(clip[key].pyramid[0], masks)
        step = self.params.memory_step(len(clip))
        result: dict[int, np.ndarray] = {}
        for positions in (range(key, len(clip)), range(key - 1, -1, -1)):
            memory = start
            for position in positions:
                features = clip[position]
                alone = head.segment(memory, self.network.query(features))
                own = aggregate(alone).softmax(dim=0)[1:]
                result[position] = (own >= 0.5).numpy()
                distance = abs(position - key)
                if distance and distance % step == 0:
                    entry = head.memorise(features.pyramid[0], own)
                    pairs = zip(memory, entry, strict=True)
                    memory = Memory(*(torch.cat(pair, dim=2) for pair in pairs))
        return np.stack([result[position] for position in range(len(clip))])

    def _scores(self, clip: Sequence[Features], masks: np.ndarray) -> np.ndarray:
        """Mean class probabilities, one box at a time."""
        rows = []
        for sequence in masks.swapaxes(0, 1):
            seen = []
            for features, mask in zip(clip, sequence, strict=True):
                if mask.any():
                    boxes = mask_boxes(torch.from_numpy(mask)[None])
                    logits, _ = self.network.classify(features.pyramid, [boxes])
                    seen.append(logits[0].softmax(dim=0))
            background = torch.eye(self.network.num_classes)[0]
            rows.append(torch.stack(seen).mean(dim=0) if seen else background)
        return torch.stack(rows).numpy()


def _overlaps(masks: Sequence[Sequence[Rle]]) -> np.ndarray:
    """Sequence IoU pair by pair."""
    result = np.zeros((len(masks), len(masks)))
    for row, first in enumerate(masks):
        for column, second in enumerate(masks):
            pairs = [(decode(a), decode(b)) for a, b in zip(first, second, strict=True)]
            common = sum(int((a & b).sum()) for a, b in pairs)
            either = sum(int((a | b).sum()) for a, b in pairs)
            result[row, column] = common / either if either else 0.0
    return result
