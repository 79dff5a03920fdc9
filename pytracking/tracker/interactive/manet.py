"""MANet as an interactive host (Miao et al., CVPR 2020), with the rounds of IVOS-W."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from ltr.data.interactive.scribbles import NOTHING, ScribbleLine, draw_scribbles
from ltr.models.interactive.deeplab import resize
from ltr.models.interactive.fused import fuse_manet
from ltr.models.interactive.manet import IMAGE_FORMAT, MANet, manet
from ltr.models.interactive.matching import (
    labelled_pixels,
    match_labelled,
    match_locally,
)
from ltr.models.layers.aggregation import largest_channel
from pytracking.tracker.base import Runtime, StateOfVideo
from pytracking.tracker.interactive.base import RoundResult, Segmentation
from pytracking.tracker.interactive.computing import image_batch
from pytracking.tracker.interactive.network_host import MIB, NetworkHost
from pytracking.tracker.interactive.parameters import ManetParameters


@dataclass
class LocalMaps:
    """The local maps of one round.

    Args:
        frame: The annotated frame.
        maps: float32 (frames, ids, h, w); 1 on the annotated frame.
    """

    frame: int
    maps: torch.Tensor

    def weight(self, index: int) -> float:
        """How much the map of a frame counts; that of the annotated frame counts for nothing."""
        return 0.0 if index == self.frame else 1 / abs(index - self.frame)


@dataclass
class ManetState:
    """All state between two rounds; ids are the background and all objects.

    Args:
        probs: float32 (frames, ids, H, W).
        labels: uint8 (frames, H, W), on the device; read once a round.
        nearest: float32 (frames, ids, h, w), smallest global map of all rounds.
        local: Local maps of the last round.
        annotated: Frames of the rounds so far.
    """

    probs: torch.Tensor
    labels: torch.Tensor
    nearest: torch.Tensor
    local: LocalMaps | None = None
    annotated: list[int] = field(default_factory=list)


class ManetHost(StateOfVideo[ManetState], NetworkHost[MANet]):
    """Segments the annotated frame, then all others to the ends of the video, in every round."""

    name = "manet"
    params: ManetParameters
    network_class = MANet
    build_network = staticmethod(manet)

    def __init__(self, params: ManetParameters, network: MANet, runtime: Runtime) -> None:
        super().__init__(params, network, runtime)
        self._embed = runtime.compiled(self.network.embed)
        self._interaction_head = runtime.compiled(self.network.inter_seghead)
        self._propagation_head = runtime.compiled(self.network.dynamic_seghead)

    def _fuse(self, network: MANet) -> None:
        fuse_manet(network)

    def interact(self, frame: int, scribbles: Sequence[ScribbleLine]) -> RoundResult:
        """See ``InteractiveVOS.interact``."""
        result = super().interact(frame, scribbles)
        if not scribbles and self.params.count_empty_rounds:
            self.state.local = None  # its maps, of weight 0, take the place of the last round's
        return result

    def _start(self, video_id: str | None) -> None:
        self._features.begin(video_id)
        frames, size = len(self.frames), self.frames[0].shape[:2]
        ids, device = 1 + self.num_objects, self.runtime.device
        self.state = ManetState(
            torch.zeros(frames, ids, *size, device=device),
            torch.zeros(frames, *size, dtype=torch.uint8, device=device),
            torch.ones(frames, ids, *self._map_size(), device=device),
        )

    def _finish(self) -> None:
        self._features.clear()
        self.state = None

    @torch.inference_mode()
    def _interact(self, frame: int, scribbles: Sequence[ScribbleLine]) -> Segmentation:
        state = self.state
        labels = torch.from_numpy(self.scribble_labels(scribbles)).to(self.runtime.device)
        local = LocalMaps(frame, torch.ones_like(state.nearest))
        embedding = self.embedding(frame)
        self._segment_annotated(frame, embedding, labels)
        labelled = labelled_pixels(embedding[0], labels, 1 + self.num_objects)
        for indices in (range(frame + 1, len(self.frames)), range(frame - 1, -1, -1)):
            self._sweep(local, embedding, labelled, indices)
        state.local = local
        state.annotated.append(frame)
        masks = state.labels.cpu().numpy().copy()
        return Segmentation(masks, state.probs, (0, len(self.frames) - 1))

    def scribble_labels(self, scribbles: Sequence[ScribbleLine]) -> np.ndarray:
        """The lines of a frame, drawn at the embedding's size.

        In the first round, what lies far from all lines is background.

        Returns:
            int64 (h, w), -1 where nothing is known.
        """
        labels = draw_scribbles(scribbles, self._map_size()).astype(np.int64)
        if self.state.annotated:
            return labels
        margin, box = self.params.box_margin, []
        for positions, length in zip(np.nonzero(labels != NOTHING), labels.shape, strict=True):
            low, high = positions.min() - margin, positions.max() + margin
            box.append(slice(max(low, 0), min(high, length - 1)))
        is_far = np.ones(labels.shape, bool)
        is_far[tuple(box)] = False
        labels[is_far] = 0
        return labels

    def _segment_annotated(self, frame: int, embedding: torch.Tensor, labels: torch.Tensor) -> None:
        state = self.state
        if state.annotated:
            before = self._label_maps(self._small_labels(frame))
        else:
            before = torch.zeros_like(state.nearest[frame])
            before[0] = 1
        own = match_locally(embedding[0], embedding[0], labels, 1 + self.num_objects)
        state.nearest[frame] = torch.minimum(state.nearest[frame], own)
        maps = torch.stack([self._label_maps(labels), before], dim=1)
        self._store(frame, self._interaction_head, embedding, maps)

    def _sweep(
        self,
        local: LocalMaps,
        annotated: torch.Tensor,
        labelled: Sequence[torch.Tensor],
        indices: Iterable[int],
    ) -> None:
        """Segment the frames of one side, each from its neighbour."""
        state, ids = self.state, 1 + self.num_objects
        max_bytes = self.params.max_distances_mib * MIB
        before, neighbour = local.frame, annotated
        for index in indices:
            self.on_frame()
            embedding = self.embedding(index)
            found = match_labelled(embedding[0], labelled, max_bytes)
            state.nearest[index] = torch.minimum(state.nearest[index], found)
            seen = self._small_labels(before)
            local.maps[index] = match_locally(embedding[0], neighbour[0], seen, ids)
            maps = [state.nearest[index], self._local_map(local, index), self._label_maps(seen)]
            self._store(index, self._propagation_head, embedding, torch.stack(maps, dim=1))
            before, neighbour = index, embedding

    def _local_map(self, local: LocalMaps, index: int) -> torch.Tensor:
        """The local map of this round, or of the previous one if that was annotated nearer."""
        previous = self.state.local
        if previous is None or local.weight(index) > previous.weight(index):
            return local.maps[index]
        return previous.maps[index]

    def _store(
        self,
        index: int,
        head: Callable[..., torch.Tensor],
        embedding: torch.Tensor,
        maps: torch.Tensor,
    ) -> None:
        """Segment a frame and keep the result."""
        with self.runtime.autocast():
            logits = head(embedding, maps).float()
        state = self.state
        logits = resize(logits, state.labels.shape[1:])[0]
        state.probs[index] = logits.softmax(dim=0)
        state.labels[index] = largest_channel(logits)

    def _small_labels(self, index: int) -> torch.Tensor:
        """The masks of a frame at the embedding's size, int64 (h, w)."""
        labels = self.state.labels[index, None, None].float()
        return F.interpolate(labels, self._map_size(), mode="nearest")[0, 0].long()

    def _label_maps(self, labels: torch.Tensor) -> torch.Tensor:
        """Where each id is, float (ids, h, w)."""
        ids = torch.arange(1 + self.num_objects, device=labels.device)
        return (labels == ids[:, None, None]).float()

    def _map_size(self) -> tuple[int, int]:
        height, width = (-(-side // 4) for side in self.params.input_size)
        return height, width

    def embedding(self, index: int) -> torch.Tensor:
        """Embedding of a frame, float32 (1, channels, h, w)."""
        return self._features.get(index, self._compute_embedding)[0]

    def _compute_embedding(self, index: int) -> tuple[torch.Tensor]:
        frame: np.ndarray = self.frames[index].astype(np.float32)
        height, width = self.params.input_size
        if frame.shape[:2] != (height, width):
            frame = cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC)
        image = IMAGE_FORMAT.normalise(image_batch(frame, self.runtime.device))
        with self.runtime.autocast():
            found = self._embed(image.contiguous(memory_format=torch.channels_last))
        return (found.float(),)
