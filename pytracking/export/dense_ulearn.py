"""Dense Unsupervised Learning as two graphs: what starts labels, and what carries them on."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.dense_ulearn.matching import Matches, Tile, plan_tiles, strongest
from ltr.models.dense_ulearn.propagation import shrink_masks, take_labels
from ltr.models.layers.fused import unpack
from pytracking.export.graph import ExportedSystem, Graph, kept, stored
from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters

_FRAME_MEMORY = ("new_features", "new_labels")
_START_MEMORY = ("new_start_features", "new_start_labels")


@dataclasses.dataclass(frozen=True)
class DenseULearnCapacity:
    """What the graphs have room for.

    Args:
        frame_size: (height, width) of the frames in pixels.
        objects: Largest number of objects.
        starts: Largest number of frames in which objects start.
    """

    frame_size: tuple[int, int]
    objects: int
    starts: int


class StartGraph(nn.Module):
    """Lays the masks of new objects over what is known of a frame, and remembers the frame.

    The labels of the frame so far are those in its slot of the memory.
    """

    def __init__(self, tracker: DenseULearnTracker) -> None:
        super().__init__()
        self.network = tracker.network
        self._embed = tracker.features_of

    def forward(
        self,
        image: torch.Tensor,
        masks: torch.Tensor,
        has_labels: torch.Tensor,
        slot: torch.Tensor,
        start: torch.Tensor,
        features: torch.Tensor,
        labels: torch.Tensor,
        start_features: torch.Tensor,
        start_labels: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Start objects.

        Args:
            image: uint8 (H, W, 3) RGB.
            masks: float (labels, H, W), 0 or 1, in the channels that start; 0 in all others.
            has_labels: bool (1,), whether labels were carried to this frame.
            slot: int64 (1,), of the frame.
            start: int64 (1,), slot among the frames that start objects.
            features: (frames, h, w, channels).
            labels: (frames, h * w, labels).
            start_features: (starts, h, w, channels).
            start_labels: (starts, h * w, labels).

        Returns:
            Probabilities (labels, H, W), and the memory.
        """
        found = self._embed(image)
        small = shrink_masks(masks, (found.shape[0], found.shape[1]))
        share = small.sum(dim=1, keepdim=True)
        before = labels.index_select(0, slot)[0]
        before = torch.where(has_labels, before, torch.zeros_like(before))
        known = torch.where(has_labels, (1 - share) * before + share * small, small)
        return (
            _enlarge(known, found, masks.shape[-2:]),
            stored(features, found, slot),
            stored(labels, known, slot),
            stored(start_features, found, start),
            stored(start_labels, known, start),
        )


class FrameGraph(nn.Module):
    """Labels a frame by the most similar positions of earlier ones, and remembers it."""

    def __init__(self, tracker: DenseULearnTracker, tiles: list[Tile]) -> None:
        super().__init__()
        self.network = tracker.network
        self.params = tracker.params
        self._embed = tracker.features_of
        self.tiles = tiles

    def forward(
        self,
        image: torch.Tensor,
        counts: torch.Tensor,
        owners: torch.Tensor,
        slot: torch.Tensor,
        features: torch.Tensor,
        labels: torch.Tensor,
        start_features: torch.Tensor,
        start_labels: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Label a frame.

        Args:
            image: uint8 (H, W, 3) RGB.
            counts: float (starts, frames), how often each remembered frame counts for the objects
                of each start; 0 for empty slots.
            owners: float (starts, labels), 1 where a label started there; 0 for empty slots.
            slot: int64 (1,), where the frame is remembered.
            features: (frames, h, w, channels).
            labels: (frames, h * w, labels).
            start_features: (starts, h, w, channels).
            start_labels: (starts, h * w, labels).

        Returns:
            Probabilities (labels, H, W), and the memory of frames.
        """
        found = self._embed(image)
        keys, context = (kept(x, counts.amax(dim=0) > 0) for x in (features, labels))
        first, known = (kept(x, owners.amax(dim=1) > 0) for x in (start_features, start_labels))
        scores = self._compare(found, keys)
        total = torch.zeros_like(labels[0])
        for start in range(len(owners)):
            everywhere = self._match_everywhere(found, first[start])
            nearby = self._match_nearby(scores, counts[start] > 0, found)
            carried = take_labels(
                everywhere, known[start], nearby, context, counts[start], self.params
            )
            total = total + owners[start] * carried
        return (
            _enlarge(total, found, image.shape[:2]),
            stored(features, found, slot),
            stored(labels, total, slot),
        )

    def _compare(self, queries: torch.Tensor, keys: torch.Tensor) -> list[torch.Tensor]:
        """Cosines of every tile, (frames, window positions, tile positions)."""
        scores = []
        for tile in self.tiles:
            window = keys[:, tile.window_rows, tile.window_columns].flatten(1, 2)
            part = queries[tile.rows, tile.columns].flatten(0, 1)
            scores.append(window @ part.t())
        return scores

    def _match_everywhere(self, queries: torch.Tensor, keys: torch.Tensor) -> Matches:
        scores = queries.flatten(0, 1) @ keys.flatten(0, 1).t()
        best, positions = scores.topk(min(self.params.knn, scores.shape[1]), dim=1)
        return Matches(best.t(), torch.zeros_like(positions).t(), positions.t())

    def _match_nearby(
        self, scores: list[torch.Tensor], is_used: torch.Tensor, like: torch.Tensor
    ) -> Matches:
        """The best matches in the frames that count; a score of minus infinity is not a match."""
        fewest = min(len(tile.positions) for tile in self.tiles)
        count = min(self.params.knn, len(is_used) * fewest)
        parts = []
        for tile, own in zip(self.tiles, scores, strict=True):
            chosen = own.masked_fill(~is_used.view(-1, 1, 1), -torch.inf)
            best, frames, groups = strongest(chosen, count, tile.outside)
            parts.append((best, frames, tile.positions[groups]))
        order = _row_major(self.tiles, like.shape[1])
        return Matches(*(torch.cat(part, dim=1)[:, order] for part in zip(*parts, strict=True)))


def _row_major(tiles: list[Tile], width: int) -> torch.Tensor:
    """Where, among the positions of all tiles in turn, every position of the map lies."""
    positions = [
        np.add.outer(
            np.arange(tile.rows.start, tile.rows.stop) * width,
            np.arange(tile.columns.start, tile.columns.stop),
        ).ravel()
        for tile in tiles
    ]
    return torch.from_numpy(np.argsort(np.concatenate(positions)))


def _enlarge(labels: torch.Tensor, features: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """Soft labels (h * w, labels) at the size of the frame, (labels, H, W)."""
    maps = labels.t().unflatten(1, (features.shape[0], features.shape[1]))
    return F.interpolate(maps[None], tuple(size), mode="bilinear", align_corners=True)[0]


def export_dense_ulearn(
    tracker: DenseULearnTracker, capacity: DenseULearnCapacity
) -> ExportedSystem:
    """The graphs of label propagation on frames of one size.

    Args:
        tracker: In single precision on the CPU; it is not used for anything else afterwards.
        capacity: What the graphs have room for.
    """
    params: DenseULearnParameters = tracker.params
    unpack(tracker.network)
    height, width = capacity.frame_size
    image = torch.zeros(height, width, 3, dtype=torch.uint8)
    features = tracker.features_of(image)
    channels, starts, size = 1 + capacity.objects, capacity.starts, params.cxt_size
    positions = features.shape[0] * features.shape[1]
    memory = {
        "features": features.new_zeros(size, *features.shape),
        "labels": features.new_zeros(size, positions, channels),
        "start_features": features.new_zeros(starts, *features.shape),
        "start_labels": features.new_zeros(starts, positions, channels),
    }
    slot = torch.zeros(1, dtype=torch.int64)
    tiles = plan_tiles(features, params.radius)
    start = Graph(
        "start",
        StartGraph(tracker),
        {
            "image": image,
            "masks": torch.zeros(channels, height, width),
            "has_labels": torch.zeros(1, dtype=torch.bool),
            "slot": slot,
            "start": slot.clone(),
            **memory,
        },
        ("probabilities", *_FRAME_MEMORY, *_START_MEMORY),
    )
    frame = Graph(
        "frame",
        FrameGraph(tracker, tiles),
        {
            "image": image,
            "counts": torch.ones(starts, size),
            "owners": torch.ones(starts, channels),
            "slot": slot,
            **memory,
        },
        ("probabilities", *_FRAME_MEMORY),
    )
    return ExportedSystem((start, frame), {})
