"""The features of a clip's frames: computed when needed, kept while the cache has room."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import NamedTuple

import numpy as np
import torch

from ltr.models.layers.side_by_side import map_in_rounds
from ltr.models.propose_reduce.image_input import normalise_and_pad, resize_image
from ltr.models.propose_reduce.mask_rcnn import Features
from ltr.models.propose_reduce.propagation import FrameQuery
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN
from pytracking.tracker.base import Runtime
from pytracking.tracker.whole_video import Frames

_NEVER = inf


class FrameFeatures(NamedTuple):
    """What is known of one frame, whatever its objects.

    Args:
        pyramid: P2..P6, each (1, C, h, w).
        query: Queries and skip features for the propagation.
        scene: What the memory encoder takes of it.
    """

    pyramid: tuple[torch.Tensor, ...]
    query: FrameQuery
    scene: tuple[torch.Tensor, ...]


class FeatureCache:
    """Features of frames that are visited from both ends of the clip at once.

    Step ``s`` needs the frames ``s`` and ``length - 1 - s``, so it is known when a frame is needed
    again; where the room ends, the one that is needed last goes.

    Args:
        network: Network in eval mode.
        frames: The clip.
        img_scale: Longest and shortest side of the network's input.
        capacity: Number of frames.
        runtime: Device.
        compute_features: The network's ``features``, perhaps compiled.
    """

    def __init__(
        self,
        network: SeqMaskRCNN,
        frames: Frames,
        img_scale: tuple[int, int],
        capacity: int,
        runtime: Runtime,
        compute_features: Callable[[torch.Tensor], Features] | None = None,
    ) -> None:
        self._network = network
        self._compute_features = compute_features or network.features
        self._frames = frames
        self._img_scale = img_scale
        self._capacity = capacity
        self._device = runtime.device
        self._is_side_by_side = runtime.packs
        self._kept: dict[int, FrameFeatures] = {}
        self.computed = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, positions: Iterable[int], step: int = -1) -> dict[int, FrameFeatures]:
        """Features by position.

        Args:
            positions: Frames; those that are not kept are computed as one batch.
            step: The current step, -1 before the first.
        """
        wanted = list(dict.fromkeys(positions))
        missing = [position for position in wanted if position not in self._kept]
        if missing:
            missing += self._ahead(wanted, -len(missing) % self.frames_together, step)
            self._kept |= self._compute(missing)
        found = {position: self._kept[position] for position in wanted}
        for position in [p for p in self._kept if self._next_use(p, step) == _NEVER]:
            del self._kept[position]
        while len(self._kept) > self._capacity:
            del self._kept[max(self._kept, key=lambda p: self._next_use(p, step))]
        return found

    @property
    def frames_together(self) -> int:
        """How many frames are best computed at once."""
        return min(torch.get_num_threads(), self._capacity) if self._is_side_by_side else 1

    def _ahead(self, wanted: Sequence[int], count: int, step: int) -> list[int]:
        """Frames that are needed next, as long as there is room for them."""
        room = self._capacity - len({*self._kept, *wanted})
        others = set(range(len(self._frames))) - {*self._kept, *wanted}
        needed = [place for place in others if self._next_use(place, step) < _NEVER]
        return heapq.nsmallest(min(count, room), needed, lambda p: self._next_use(p, step))

    def _next_use(self, position: int, step: int) -> float:
        uses = (position, len(self._frames) - 1 - position)
        return min((use for use in uses if use > step), default=_NEVER)

    def _compute(self, positions: list[int]) -> dict[int, FrameFeatures]:
        self.computed += len(positions)
        batches = [[position] for position in positions] if self._is_side_by_side else [positions]
        found = map_in_rounds(self._compute_batch, batches, self._is_side_by_side)
        return dict(zip(positions, itertools.chain(*found), strict=True))

    def _compute_batch(self, positions: list[int]) -> list[FrameFeatures]:
        features = self._compute_features(self._images(positions))
        query = self._network.query(features)
        scene = self._network.prop_head.scene(features.pyramid[0])
        return [
            FrameFeatures(
                _row_of(features.pyramid, row),
                FrameQuery(*_row_of(query, row)),
                _row_of(scene, row),
            )
            for row in range(len(positions))
        ]

    def _images(self, positions: list[int]) -> torch.Tensor:
        resized = [resize_image(self._frames[position], self._img_scale) for position in positions]
        pixels = torch.from_numpy(np.stack(resized)).to(self._device)
        return normalise_and_pad(pixels.permute(0, 3, 1, 2)).contiguous(
            memory_format=torch.channels_last
        )


def _row_of(parts: Iterable[torch.Tensor], row: int) -> tuple[torch.Tensor, ...]:
    return tuple(part[row : row + 1] for part in parts)
