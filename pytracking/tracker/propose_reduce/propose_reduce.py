"""Video instance segmentation without tracking: propose sequences, then reduce them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from ltr.dataset.youtubevis_classes import CLASSES
from ltr.models.layers.side_by_side import map_in_rounds
from ltr.models.propose_reduce.image_input import network_size
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN
from pytracking.tracker.base import Runtime
from pytracking.tracker.propose_reduce.feature_cache import FeatureCache, FrameFeatures
from pytracking.tracker.propose_reduce.key_frames import (
    KeyFrame,
    detect_masks,
    key_positions,
    without_overlap,
)
from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters
from pytracking.tracker.propose_reduce.propagation import Propagated, Propagation
from pytracking.tracker.propose_reduce.reduction import ReducedSequences, reduce_sequences
from pytracking.tracker.propose_reduce.sequences import SequenceStore, enlarge, mask_boxes
from pytracking.tracker.whole_video import (
    Advance,
    Frames,
    InstanceTrack,
    TextPrompt,
    WholeVideoTracker,
    ignore_progress,
)
from pytracking.utils.mask_overlaps import video_overlaps

_PRESENT = 0.5
_BOXES_AT_ONCE = 64


class _Look(NamedTuple):
    """The objects of a key frame in a frame, before they are classified.

    Args:
        first: The first one's place among all sequences.
        position: Index of the frame.
        masks: bool (M, H, W).
        features: Of their boxes, (M, C, 7, 7).
    """

    first: int
    position: int
    masks: np.ndarray
    features: torch.Tensor


class ProposeReduce(WholeVideoTracker):
    """Finds all instances of a clip.

    Args:
        params: Configuration.
        network: Network in eval mode on the runtime's device, from ``loading``.
        runtime: Device and precision.
    """

    def __init__(
        self, params: ProposeReduceParameters, network: SeqMaskRCNN, runtime: Runtime
    ) -> None:
        runtime.keep_exact()
        self.params = params
        self.network = network
        self.runtime = runtime
        names = CLASSES[params.categories]
        if len(names) + 1 == network.num_classes:
            self.category_names = dict(enumerate(names, 1))
        self._compute_features = runtime.compiled(network.features)

    @classmethod
    def create(cls, params: ProposeReduceParameters, runtime: Runtime) -> ProposeReduce:
        """See ``WholeVideoTracker.create``."""
        from pytracking.tracker.propose_reduce.loading import load_propagation_network

        return cls(params, load_propagation_network(params.net, runtime), runtime)

    @torch.inference_mode()
    def segment(
        self, frames: Frames, prompt: TextPrompt, advance: Advance = ignore_progress
    ) -> list[InstanceTrack]:
        """See ``WholeVideoTracker.segment``."""
        with self.runtime.autocast():
            return self._segment(frames, advance)

    def _segment(self, frames: Frames, advance: Advance) -> list[InstanceTrack]:
        shape = frames[0].shape[:2]
        self.deviation = ""
        cache = self.open_cache(frames)
        keys = self.find_key_frames(cache, len(frames), shape)
        if not keys:
            advance(len(frames))
            return []
        store = self.collect(cache, keys, len(frames), advance)
        reduced = self.reduce(store)
        size, _ = network_size(shape, self.params.img_scale)
        tracks = [
            self._track(enlarge(store.masks[place], size, shape), scores)
            for place, scores in zip(reduced.kept.tolist(), reduced.scores, strict=True)
        ]
        return [track for track in tracks if track.category_scores]

    def open_cache(self, frames: Frames) -> FeatureCache:
        """Features of a clip, computed when needed."""
        params = self.params
        return FeatureCache(
            self.network,
            frames,
            params.img_scale,
            params.max_cached_frames,
            self.runtime,
            self._compute_features,
        )

    def find_key_frames(
        self, cache: FeatureCache, num_frames: int, shape: Sequence[int]
    ) -> list[KeyFrame]:
        """The key frames with instances, their overlapping masks dropped."""
        size, _ = network_size(shape, self.params.img_scale)
        positions = key_positions(num_frames, self.params.key_num)
        together = cache.frames_together
        found = []
        for start in range(0, len(positions), together):
            frames = cache.get(positions[start : start + together])

            def detect(position: int, frames: dict[int, FrameFeatures] = frames) -> KeyFrame:
                pyramid, settings = frames[position].pyramid, self.params.detection_settings
                masks, _ = detect_masks(self.network, pyramid, size, settings)
                return KeyFrame(position, without_overlap(masks))

            found += map_in_rounds(detect, list(frames), together > 1)
        return [key for key in found if len(key.masks)]

    def propagate(
        self, cache: FeatureCache, keys: Sequence[KeyFrame], num_frames: int
    ) -> Iterator[list[Propagated]]:
        """Carry the instances of key frames through the clip, see ``Propagation.steps``."""
        params, step = self.params, self.params.memory_step(num_frames)
        propagation = Propagation(
            self.network,
            cache,
            keys,
            num_frames,
            step,
            params.max_memory,
            params.max_objects_per_batch,
            self.runtime.packs,
        )
        self.deviation = propagation.deviation
        return propagation.steps()

    def collect(
        self,
        cache: FeatureCache,
        keys: Sequence[KeyFrame],
        num_frames: int,
        advance: Advance = ignore_progress,
    ) -> SequenceStore:
        """Propagate, and keep masks and class scores of every sequence."""
        first = np.cumsum([0, *(len(key.masks) for key in keys)]).tolist()
        store = SequenceStore(first[-1], num_frames, self.network.num_classes)
        waiting: list[_Look] = []
        for step in self.propagate(cache, keys, num_frames):
            waiting += self._look(step, first) if step else []
            if sum(len(look.masks) for look in waiting) >= _BOXES_AT_ONCE:
                self._classify(waiting, store)
                waiting = []
            advance(1)
        if waiting:
            self._classify(waiting, store)
        return store

    def reduce(self, store: SequenceStore) -> ReducedSequences:
        """Keep one sequence per object."""
        params = self.params
        overlaps = video_overlaps(store.masks, store.masks)
        return reduce_sequences(
            store.scores(), overlaps, params.reduction, params.reduction_settings
        )

    def _look(self, step: Sequence[Propagated], first: Sequence[int]) -> list[_Look]:
        """Masks of all items, and the features of their boxes.

        Args:
            step: Items, frame by frame.
            first: The first sequence of every key frame.
        """
        masks = [propagated.probabilities >= _PRESENT for propagated in step]
        frames = {propagated.position: propagated.frame for propagated in step}
        boxes: dict[int, list[torch.Tensor]] = {position: [] for position in frames}
        for propagated, object_masks in zip(step, masks, strict=True):
            boxes[propagated.position].append(mask_boxes(object_masks))
        levels = zip(*(frame.pyramid for frame in frames.values()), strict=True)
        features = self.network.box_features(
            [torch.cat(level) for level in levels],
            [torch.cat(frame_boxes) for frame_boxes in boxes.values()],
        )
        counts = [len(object_masks) for object_masks in masks]
        found = np.split(torch.cat(masks).cpu().numpy(), np.cumsum(counts)[:-1])
        return [
            _Look(first[item.key], item.position, own, part)
            for item, own, part in zip(step, found, features.split(counts), strict=True)
        ]

    def _classify(self, looks: Sequence[_Look], store: SequenceStore) -> None:
        """Classify the boxes of several steps as one batch: the layers are larger than they are."""
        logits, _ = self.network.classify_features(torch.cat([look.features for look in looks]))
        probabilities = logits.float().softmax(dim=1).cpu().numpy()
        ends = np.cumsum([len(look.masks) for look in looks])[:-1]
        for look, part in zip(looks, np.split(probabilities, ends), strict=True):
            store.add(look.first, look.position, look.masks, part)

    def _track(self, masks: tuple, scores: np.ndarray) -> InstanceTrack:
        best = 1 + int(scores[1:].argmax())
        least = self.params.reduction_settings.min_output_score
        return InstanceTrack(
            masks,
            float(scores[best]),
            best,
            {label: float(s) for label, s in enumerate(scores.tolist()) if label and s >= least},
        )
