"""ATNet as an interactive host (Heo et al., ECCV 2020), with the rounds of its release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from ltr.data.image_format import IMAGENET_RGB
from ltr.data.interactive.scribbles import ScribbleLine
from ltr.models.interactive.atnet import ATNet, FrameFeatures, atnet, transfer_globally
from ltr.models.interactive.fused import fuse_atnet
from ltr.models.interactive.transfer import exchange
from pytracking.tracker.base import Runtime, StateOfVideo
from pytracking.tracker.interactive.atnet_maps import (
    Padding,
    annotation_maps,
    blend_weight,
    label_by_threshold,
    pad,
    plan_padding,
    plan_sweep,
)
from pytracking.tracker.interactive.base import Segmentation
from pytracking.tracker.interactive.computing import (
    FrameCache,
    SumCache,
    image_batch,
    in_parts,
)
from pytracking.tracker.interactive.network_host import MIB, NetworkHost
from pytracking.tracker.interactive.parameters import AtnetParameters

_SHARE_OF_SIMILARITIES = 4  # the part of the memory for transfers that they take


@dataclass
class AtnetState:
    """All state between two rounds.

    Args:
        padding: Padding of rows and columns, pixels.
        padded: float32 (frames, 1 + objects, H, W) with padding; the background stays 0.
        masks: uint8 (frames, H, W).
        annotated: Frames of the rounds so far, repeats included.
        tops: Features of these frames, (1, C, H / 16, W / 16) each.
        indicators: Mixed indicators of all objects in these rounds, (objects, C, H / 16, W / 16)
            each.
        looks: Sums of the global transfers of rounds so far, as far as memory allows.
        similarities: Of every frame with the one before it, as far as memory allows.
    """

    padding: Padding
    padded: torch.Tensor
    masks: np.ndarray
    annotated: list[int] = field(default_factory=list)
    tops: list[torch.Tensor] = field(default_factory=list)
    indicators: list[torch.Tensor] = field(default_factory=list)
    looks: SumCache = field(default_factory=SumCache)
    similarities: FrameCache = field(default_factory=FrameCache)

    @property
    def probs(self) -> torch.Tensor:
        """Without padding, (frames, 1 + objects, H, W); the same memory."""
        (top, _), (left, _) = self.padding
        height, width = self.masks.shape[1:]
        return self.padded[..., top : top + height, left : left + width]


class AtnetHost(StateOfVideo[AtnetState], NetworkHost[ATNet]):
    """Segments the annotated frame, then its neighbours one after the other to both sides."""

    params: AtnetParameters
    network_class = ATNet
    build_network = staticmethod(atnet)

    name = "atnet"
    robot_min_nb_nodes = 2
    wants_all_scribbles = True
    runs_without_scribbles = True

    def __init__(self, params: AtnetParameters, network: ATNet, runtime: Runtime) -> None:
        super().__init__(params, network, runtime)
        self._encode_image = runtime.compiled(self.network.encode)
        self._segment = runtime.compiled(self.network.annotate)
        self._propagate = runtime.compiled(self.network.propagate)
        self._compare = self.network.compare
        self._mix = self.network.mix

    def _fuse(self, network: ATNet) -> None:
        fuse_atnet(network)

    def _start(self, video_id: str | None) -> None:
        self._features.begin(video_id)
        frames, size = len(self.frames), self.frames[0].shape[:2]
        padding = plan_padding(size)
        padded = (side + sum(ends) for side, ends in zip(size, padding, strict=True))
        probs = torch.zeros(frames, 1 + self.num_objects, *padded, device=self.runtime.device)
        masks = np.zeros((frames, *size), np.uint8)
        self.state = AtnetState(padding, probs, masks)
        memory = self.params.transfer_memory_mib * MIB
        self.state.similarities.max_bytes = memory // _SHARE_OF_SIMILARITIES
        self.state.looks.max_bytes = memory - memory // _SHARE_OF_SIMILARITIES

    def _finish(self) -> None:
        self._features.clear()
        self.state = None

    @torch.inference_mode()
    def _interact(self, frame: int, scribbles: Sequence[ScribbleLine]) -> Segmentation:
        state = self.state
        first, last = plan_sweep(frame, state.annotated, len(self.frames), self.params.proportion)
        with self.runtime.autocast():
            self._annotate(frame, scribbles)
            for part in in_parts(self.num_objects, self.params.max_objects_per_batch):
                self._sweep(part, frame, range(frame - 1, first - 1, -1))
                self._sweep(part, frame, range(frame + 1, last + 1))
        state.annotated.append(frame)
        found = [
            label_by_threshold(state.probs[index, 1:], self.params.threshold)
            for index in range(first, last + 1)
        ]
        state.masks[first : last + 1] = torch.stack(found).cpu().numpy()  # waits for a GPU once
        return Segmentation(state.masks.copy(), state.probs, (first, last))

    def _annotate(self, frame: int, scribbles: Sequence[ScribbleLine]) -> None:
        """Segment all objects on the annotated frame, and remember what they look like."""
        state = self.state
        labels = state.masks[frame] if state.annotated else None
        image = self._image(frame)
        indicators = []
        for part in in_parts(self.num_objects, self.params.max_objects_per_batch):
            maps = [
                annotation_maps(scribbles, number, labels, state.masks.shape[1:])
                for number in range(part.start + 1, part.stop + 1)
            ]
            padded = pad(np.stack(maps).transpose(2, 3, 0, 1), state.padding)
            inputs = torch.from_numpy(padded.transpose(2, 3, 0, 1).copy()).to(image.device)
            images = image.expand(len(inputs), -1, -1, -1)
            logits, looks = self._segment(torch.cat([images, inputs], dim=1))
            state.padded[frame, 1 + part.start : 1 + part.stop] = logits[:, 0].float().sigmoid()
            indicators.append(self._mix(looks))
        state.tops.append(self._encode(frame).top)
        state.indicators.append(torch.cat(indicators))

    def _sweep(self, part: slice, frame: int, indices: Sequence[int]) -> None:
        """Segment a group of objects on one side of the annotated frame."""
        state, params = self.state, self.params
        channels = slice(1 + part.start, 1 + part.stop)
        neighbour, masks = self._encode(frame), state.padded[frame, channels][:, None]
        step = indices[0] - frame if indices else 0
        at_once = torch.get_num_threads() if self.runtime.packs else 1
        for place, index in enumerate(indices):
            self.on_frame()
            self._features.get_ahead(indices[place : place + at_once], self._compute)
            target = self._encode(index)
            looks = self._look(part, index, target)
            similarity = self._compare_neighbours(index, step, target, neighbour)
            logits = self._propagate(target, looks, similarity, masks, params.align_corners)
            neighbour, masks = target, logits.float().sigmoid()
            old = state.padded[index, channels]
            weight = blend_weight(index, frame, state.annotated)
            state.padded[index, channels] = weight * masks[:, 0] + (1 - weight) * old

    def _look(self, part: slice, index: int, target: FrameFeatures) -> torch.Tensor:
        """Global transfer from all annotated frames to a frame."""
        state = self.state
        rounds = list(zip(state.tops, state.indicators, strict=True))
        return state.looks.mean(
            (index, part.start),
            [partial(transfer_globally, top, seen[part], target.top) for top, seen in rounds],
        )

    def _compare_neighbours(
        self, index: int, step: int, target: FrameFeatures, neighbour: FrameFeatures
    ) -> torch.Tensor:
        """Compare a frame with the one a step of 1 or -1 before it, once for both directions."""
        is_later = step > 0
        pair = (target, neighbour) if is_later else (neighbour, target)
        later = index if is_later else index + 1
        (found,) = self.state.similarities.get(later, lambda _: (self._compare(*pair),))
        return found if is_later else exchange(found)

    def _encode(self, index: int) -> FrameFeatures:
        return FrameFeatures(*self._features.get(index, self._compute))

    def _compute(self, index: int) -> FrameFeatures:
        return self._encode_image(self._image(index))

    def _image(self, index: int) -> torch.Tensor:
        padded = pad(self.frames[index], self.state.padding)
        image = IMAGENET_RGB.normalise(image_batch(padded, self.runtime.device))
        return image.contiguous(memory_format=torch.channels_last)
