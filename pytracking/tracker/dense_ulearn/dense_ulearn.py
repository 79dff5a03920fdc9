"""Masks carried through a video by features that were learned without labels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import NO_BOX, Box
from ltr.data.image_format import IMAGENET_RGB
from ltr.models.backbone.fused_resnet import fuse_resnet
from ltr.models.dense_ulearn.dense_ulearn_net import DenseULearnNet
from ltr.models.dense_ulearn.propagation import (
    PropagationState,
    annotate,
    drop_channel,
    relabel,
    start_state,
    step,
)
from ltr.models.layers.aggregation import largest_channel
from ltr.models.layers.folding import fold_batch_norms
from ltr.models.layers.fused import pack, prepare
from ltr.models.layers.matmul import can_pack
from ltr.models.layers.memory_format import to_channels_last
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker, Runtime, StateOfVideo
from pytracking.tracker.checks import check_frame
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters

_DATA_LEVEL = 3  # of the live view


@dataclass
class VideoState:
    """All state of the tracker between two frames.

    Args:
        image_size: (H, W) of the video's frames.
        propagation: Features and soft labels of earlier frames.
        object_ids: Object of each label channel, the background excluded.
        boxes: Last box of every object, in the order in which they started.
    """

    image_size: tuple[int, int]
    propagation: PropagationState
    object_ids: list[int] = field(default_factory=list)
    boxes: dict[int, Box] = field(default_factory=dict)


class DenseULearnTracker(StateOfVideo[VideoState], OnlineTracker):
    """Follows all objects of one video at a time, any number of them.

    The result is a map of an eighth of the frame's resolution, enlarged, in the first frame too. In
    reduced precision the convolutions are rounded; features are compared in single precision but
    in the fast mode.

    Args:
        params: Configuration.
        network: Network in eval mode on the runtime's device; prepared for inference in place.
        runtime: Device and precision.
    """

    def __init__(
        self, params: DenseULearnParameters, network: DenseULearnNet, runtime: Runtime
    ) -> None:
        runtime.keep_exact()
        self.params = params
        self.runtime = runtime
        self.dtype = runtime.dtype
        is_packed = can_pack(runtime.device) and not runtime.compile
        change = partial(_prepare, network, runtime.dtype, is_packed)
        prepare(network, (runtime.dtype, is_packed), change)
        self.network = network
        self._features = runtime.compiled(network.features)

    @classmethod
    def create(cls, params: DenseULearnParameters, runtime: Runtime) -> DenseULearnTracker:
        """See ``OnlineTracker.create``."""
        from pytracking.tracker.dense_ulearn.loading import load_propagation_network

        return cls(params, load_propagation_network(params.net, runtime.device), runtime)

    @torch.inference_mode()
    def initialize(self, image: np.ndarray, info: FrameInfo) -> FrameOutput:
        """See ``OnlineTracker.initialize``."""
        if not info.object_ids:
            raise DataError("a video must start with at least one object")
        check_frame(image, info, image.shape[:2], running=set())
        features = self.embed(image)
        self.state = VideoState(image.shape[:2], start_state(features, self.params))
        masks = self._masks(info)
        background = torch.as_tensor(info.mask == 0, device=masks.device)
        return self._advance(features, torch.cat([background[None], masks]), info)

    @torch.inference_mode()
    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> FrameOutput:
        """See ``OnlineTracker.track``."""
        info = info or FrameInfo()
        check_frame(image, info, self.state.image_size, set(self.state.object_ids))
        started = self._masks(info) if info.object_ids else None
        return self._advance(self.embed(image), started, info)

    @torch.inference_mode()
    def correct(
        self, image: np.ndarray, info: FrameInfo, is_remembered: bool = False
    ) -> FrameOutput:
        """See ``OnlineTracker.correct``; the objects that were not corrected become hard, too."""
        if not is_remembered:
            self.remember(image, info)
        masks = self._all_masks(info)
        relabel(self.state.propagation, masks, self.params.cxt_size)
        return self._show(masks.float())

    @torch.inference_mode()
    def remember(self, image: np.ndarray, info: FrameInfo) -> None:
        """See ``OnlineTracker.remember``."""
        channels = [1 + self.state.object_ids.index(key) for key in info.object_ids]
        annotate(self.state.propagation, self.embed(image), self._all_masks(info), channels)

    def remove(self, object_id: int) -> None:
        """See ``OnlineTracker.remove``."""
        state = self.state
        if object_id not in state.object_ids:
            raise DataError(f"object {object_id} is not followed")
        if len(state.object_ids) == 1:
            self._state = None
            return
        drop_channel(state.propagation, 1 + state.object_ids.index(object_id))
        state.object_ids.remove(object_id)
        state.boxes.pop(object_id, None)

    def _all_masks(self, info: FrameInfo) -> torch.Tensor:
        """Masks of the background and all running objects, (1 + objects, H, W)."""
        labels = torch.tensor(info.mask, device=self.runtime.device)
        objects = [labels == number for number in self.state.object_ids]
        return torch.stack([~torch.stack(objects).any(dim=0), *objects])

    def embed(self, image: np.ndarray) -> torch.Tensor:
        """Features of an image, (h, w, channels), of length one; float32, but in the fast mode."""
        pixels = torch.tensor(np.ascontiguousarray(image), device=self.runtime.device)
        features = self.features_of(pixels)
        if self.runtime.inspector is not None:
            maps = features.permute(2, 0, 1)
            self.runtime.inspector.register(maps, "featmap", _DATA_LEVEL, "Features")
        return features

    def features_of(self, pixels: torch.Tensor) -> torch.Tensor:
        """The same of an image that is a tensor on the runtime's device, uint8 (H, W, 3)."""
        images = IMAGENET_RGB.normalise(pixels.permute(2, 0, 1)[None].float())
        if self.params.input_size > 0:
            scale = self.params.input_size / min(images.shape[-2:])
            size = [int(scale * side) for side in images.shape[-2:]]
            images = F.interpolate(images, size, mode="bilinear", align_corners=True)
        images = images.to(self.dtype, memory_format=torch.channels_last)
        features = self._features(images, self.params.key)
        features = F.normalize(features.float(), dim=1)[0]
        compared = self.dtype if self.params.fast else features.dtype
        return features.permute(1, 2, 0).to(compared).contiguous()

    def _masks(self, info: FrameInfo) -> torch.Tensor:
        labels = torch.tensor(info.mask, device=self.runtime.device)
        return torch.stack([labels == number for number in info.object_ids])

    def _advance(
        self, features: torch.Tensor, started: torch.Tensor | None, info: FrameInfo
    ) -> FrameOutput:
        state = self.state
        state.object_ids += info.object_ids
        state.boxes |= dict.fromkeys(info.object_ids, NO_BOX)
        return self._output(step(state.propagation, features, started, self.params))

    def _output(self, labels: torch.Tensor) -> FrameOutput:
        """The result of a frame with these soft labels, (labels, h, w)."""
        size = self.state.image_size
        return self._show(F.interpolate(labels[None], size, mode="bilinear", align_corners=True)[0])

    def _show(self, scores: torch.Tensor) -> FrameOutput:
        """The result of a frame with these scores, (labels, H, W)."""
        state = self.state
        segmentation = self._label_map(scores)
        output = FrameOutput.of_labels(segmentation, probabilities=scores)
        state.boxes |= output.boxes
        return replace(output, boxes=dict(state.boxes))

    def _label_map(self, scores: torch.Tensor) -> np.ndarray:
        """The label with the largest score; of equal ones the smallest id, as upstream."""
        ids = [0, *self.state.object_ids]
        order = sorted(range(len(ids)), key=ids.__getitem__)
        table = np.array([ids[channel] for channel in order], np.uint8)
        best = largest_channel(scores[torch.tensor(order, device=scores.device)])
        return table[best.cpu().numpy()]


def _prepare(network: DenseULearnNet, dtype: torch.dtype, is_packed: bool) -> None:
    """Make a network ready for inference, in place."""
    fold_batch_norms(network)
    if is_packed:
        fuse_resnet(network.backbone)
    to_channels_last(network, dtype=dtype)
    if is_packed:
        pack(network)
