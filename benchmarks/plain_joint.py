"""JOINT as published, computed plainly: the yardstick of ``joint_inference.py``.

One object after the other; every frame encodes the whole memory again, although it changes only
every third frame; at an update the features and label encodings of all stored frames are computed
again, and the filter is optimised by double back-propagation. Positions, crops and merging are the
tracker's own functions, so that both forms must give the same masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ltr.data.image_format import ImageFormat
from ltr.models.joint.joint_net import FEATURE_STRIDE, JOINTNet
from ltr.models.joint.transformer import INVERSE_TEMPERATURE, CosineAttention
from ltr.models.layers.normalization import token_instance_norm
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker, Runtime
from pytracking.tracker.joint.geometry import (
    SearchWindow,
    TargetState,
    plan_first_window,
    plan_window,
    vector,
)
from pytracking.tracker.joint.merge import Moments, aggregate, label_map, start_scores
from pytracking.tracker.joint.moments import box_of
from pytracking.tracker.joint.parameters import JointParameters
from pytracking.tracker.joint.patch import cut_first_window, cut_window, paste_scores
from pytracking.tracker.joint.sample_weights import SampleWeights
from pytracking.tracker.joint.start import start_boxes


@dataclass(frozen=True)
class LastFrame:
    """Where an object was looked for in the last frame, and what the backbone saw there."""

    planned: SearchWindow
    window: SearchWindow
    layer3: torch.Tensor


@dataclass
class PlainObject:
    """One object; ``stored`` and ``masks`` are the memory: raw features and mask crops."""

    object_id: int
    target: TargetState
    weights: SampleWeights
    stored: list[torch.Tensor]
    masks: list[torch.Tensor]
    memory: tuple[torch.Tensor, torch.Tensor]
    filters: torch.Tensor
    frame_number: int = 1
    last: LastFrame | None = None  # until the object has been tracked


class PlainJointTracker(OnlineTracker):
    """The reference implementation.

    Args:
        params: Configuration.
        network: Network in eval mode.
        device: Device of the network.

    Attributes:
        given: Windows that are used instead of the planned ones, by frame number and object.
    """

    def __init__(self, params: JointParameters, network: JOINTNet, device: torch.device) -> None:
        self.params = params
        self.format = ImageFormat(params.image_format, params.image_mean, params.image_std)
        self.network = network
        self.device = device
        self.kernel_size = network.target_model.filter_optimizer.kernel_size
        self.objects: list[PlainObject] = []
        self.given: Mapping[tuple[int, int], SearchWindow] = {}

    @classmethod
    def create(cls, params: Any, runtime: Runtime) -> PlainJointTracker:
        """See ``OnlineTracker.create``."""
        from pytracking.utils.loading import load_evaluation_network

        network = load_evaluation_network(params.net, JOINTNet, runtime.device)
        return cls(params, network, runtime.device)

    @torch.no_grad()
    def initialize(self, image: np.ndarray, info: FrameInfo) -> FrameOutput:
        """See ``OnlineTracker.initialize``."""
        self.objects = []
        self.image_size = image.shape[:2]
        return self._finish(self._start(self.to_device(image), info))

    @torch.no_grad()
    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> FrameOutput:
        """See ``OnlineTracker.track``."""
        pixels = self.to_device(image)
        scores = [self._track_object(i, item, pixels) for i, item in enumerate(self.objects)]
        if info is not None and info.object_ids:
            scores.append(self._start(pixels, info))
        return self._finish(torch.cat(scores))

    def to_device(self, image: np.ndarray) -> torch.Tensor:
        """uint8 (H, W, 3) -> float (1, 3, H, W)."""
        return torch.from_numpy(image).to(self.device).permute(2, 0, 1)[None].float()

    def _start(self, pixels: torch.Tensor, info: FrameInfo) -> torch.Tensor:
        params, size = self.params, self.params.image_sample_size
        scores = []
        for number, box in zip(info.object_ids, start_boxes(info), strict=True):
            mask = torch.from_numpy(info.mask == number).to(self.device).float()[None, None]
            target = TargetState.from_box(box, params.search_area_scale, size)
            plan = plan_first_window(
                self.image_size, target.center, target.scale, size, params.border_mode
            )
            layers = self.backbone(cut_first_window(pixels, plan, is_mask=False))
            crop_mask = cut_first_window(mask, plan, is_mask=True)
            e_tm, e_tr, w = self.network.label_encoder(crop_mask)
            features = self.network.extract_target_model_features(layers)[:, None]
            weights = SampleWeights(
                params.sample_memory_size, params.learning_rate, params.init_samples_minimum_weight
            )
            start = self.network.target_model.filter_initializer(features)
            filters = self._optimise(start, features, e_tm, w, params.net_opt_iter)
            memory = (layers["layer3"], e_tr)
            item = PlainObject(
                number, target, weights, [layers["layer3"]], [crop_mask], memory, filters
            )
            self.objects.append(item)
            scores.append(start_scores(mask)[0])
        return torch.cat(scores)

    def backbone(self, patch: torch.Tensor) -> dict[str, torch.Tensor]:
        """Features of an RGB patch (1, 3, H, W), 0..255."""
        return self.network.extract_backbone_features(self.format.normalise(patch))

    def _track_object(self, index: int, item: PlainObject, pixels: torch.Tensor) -> torch.Tensor:
        params, size = self.params, self.params.image_sample_size
        item.frame_number += 1
        if item.last is not None:
            self._update(index, item, item.last)
        if self.moments.mass(index) >= params.min_mask_area:
            measured = self.moments.center_and_size(index, params.seg_to_bb_sz_factor)
        else:
            measured = item.target.center, item.target.size
        item.target.follow(*measured, params.max_scale_change)
        planned = plan_window(
            self.image_size,
            item.target.search_center(size, FEATURE_STRIDE, self.kernel_size),
            item.target.scale * vector(size),
            size,
            params.border_mode,
            params.patch_max_scale_change,
        )
        window = self.given.get((item.frame_number, item.object_id), planned)
        layers = self.backbone(cut_window(pixels, window, size, is_mask=False))
        item.last = LastFrame(planned, window, layers["layer3"])
        logits = self._segment(item, layers)
        return paste_scores(logits, window.coords, self.image_size)

    def _segment(self, item: PlainObject, layers: dict[str, torch.Tensor]) -> torch.Tensor:
        transformer = self.network.transformer
        stored, e_tr = item.memory
        memory = self._encode(transformer.tokens(stored[:, None])[:, 0])
        query = transformer.tokens(layers["layer3"][None])[0, 0]
        attended = query + _attend(transformer.decoder.self_attn, query, query, query)
        values = e_tr[:, 0].flatten(2).transpose(1, 2).flatten(0, 1)
        cross = transformer.decoder.cross_attn
        read = _attend(cross, token_instance_norm(attended), memory.flatten(0, 1), values)
        e_tr_query = read.t().unflatten(1, e_tr.shape[-2:])[None, None]
        features = self.network.extract_target_model_features(layers)[None]
        return self.network.segment_target(item.filters, features, layers, e_tr_query)[0]

    def _encode(self, tokens: torch.Tensor) -> torch.Tensor:
        """Encode the memory (frames, tokens, channels) frame by frame."""
        attention = self.network.transformer.encoder.self_attn
        everything = tokens.flatten(0, 1)
        frames = [frame + _attend(attention, frame, everything, everything) for frame in tokens]
        return token_instance_norm(torch.stack(frames))

    def _update(self, index: int, item: PlainObject, last: LastFrame) -> None:
        params = self.params
        probability = self.probabilities[None, index + 1 : index + 2]
        mask = cut_window(probability, last.window, params.image_sample_size, is_mask=True)
        if item.frame_number % params.train_sample_interval:
            return
        slot = item.weights.insert()
        item.stored[slot : slot + 1] = [last.layer3]
        item.masks[slot : slot + 1] = [mask]
        if (item.frame_number - 1) % params.train_skipping:
            return
        stored = torch.cat(item.stored)
        features = self.network.target_model.extract_target_model_features(stored, 1)
        e_tm, e_tr, w = self.network.label_encoder(torch.cat(item.masks))
        temporal = torch.from_numpy(item.weights.values).to(w).view(-1, 1, 1, 1, 1)
        item.filters = self._optimise(
            item.filters, features, e_tm, w * temporal, params.net_opt_update_iter
        )
        item.memory = (stored, e_tr)

    @torch.enable_grad()
    def _optimise(
        self,
        filters: torch.Tensor,
        features: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
        iterations: int,
    ) -> torch.Tensor:
        """Steepest descent by double back-propagation, losses included, as published."""
        regularisation = self.network.target_model.filter_optimizer.residual_module.filter_reg

        def residuals(candidate: torch.Tensor) -> list[torch.Tensor]:
            scores = self.network.target_model.apply_target_model(candidate, features)
            return [weights * (scores - labels), regularisation * candidate]

        losses = []
        for _ in range(iterations):
            filters = filters.detach().requires_grad_()
            errors = residuals(filters)
            losses.append(sum(error.detach().square().sum() for error in errors))
            seeds = [error.detach().requires_grad_() for error in errors]
            (gradient,) = torch.autograd.grad(errors, filters, seeds, create_graph=True)
            image = torch.autograd.grad(gradient, seeds, gradient.detach())
            energy = gradient.detach().square().sum()
            curvature = torch.stack([part.square().sum() for part in image]).sum()
            filters = filters.detach() - energy / curvature.clamp(min=1e-8) * gradient.detach()
        losses.append(sum(error.detach().square().sum() for error in residuals(filters)))
        return filters.detach()

    def _finish(self, scores: torch.Tensor) -> FrameOutput:
        self.probabilities = aggregate(scores)
        self.moments = Moments(self.probabilities[1:])
        ids = [item.object_id for item in self.objects]
        boxes = {
            item.object_id: box_of(item.target.center, item.target.size) for item in self.objects
        }
        labels = label_map(self.probabilities, ids).cpu().numpy()
        return FrameOutput(labels, boxes, self.probabilities)


def _attend(
    attention: CosineAttention, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
) -> torch.Tensor:
    """Attention with the whole affinity of these queries in memory; projects all keys again."""
    cosines = attention.keys(queries) @ attention.keys(keys).t()
    return F.softmax(INVERSE_TEMPERATURE * cosines, dim=1) @ values
