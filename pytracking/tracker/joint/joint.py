"""The JOINT tracker (arXiv 2108.03679): all objects of a video, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.image_format import ImageFormat
from ltr.models.joint.filter_solver import MatrixOperator
from ltr.models.joint.joint_net import FEATURE_STRIDE, JOINTNet
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker, Runtime, StateOfVideo
from pytracking.tracker.checks import check_frame
from pytracking.tracker.joint.features import EncodedCrop, FrameEncoder, LabelEncoding
from pytracking.tracker.joint.geometry import (
    SearchWindow,
    TargetState,
    Vector,
    plan_first_window,
    plan_window,
    shared_windows,
    vector,
)
from pytracking.tracker.joint.listening import Listener, ignore_events, listen_for
from pytracking.tracker.joint.memory import ObjectMemory, store
from pytracking.tracker.joint.merge import Moments, aggregate, label_map, overwrite, start_scores
from pytracking.tracker.joint.moments import box_of
from pytracking.tracker.joint.parameters import JointParameters
from pytracking.tracker.joint.patch import cut_first_window, cut_window, paste_scores
from pytracking.tracker.joint.sample_weights import SampleWeights
from pytracking.tracker.joint.start import start_boxes
from pytracking.tracker.joint.state import Crop, ObjectState, VideoState


class _Annotation(NamedTuple):
    """Masks given for a frame, as the network sees them.

    Args:
        masks: float (objects, H, W), 0 or 1.
        targets: Position, size and scale of each object.
        crops: Encoded surroundings of each object.
        encodings: Encoded masks.
        crop_masks: Masks cut like the crops, (1, h, w) each.
    """

    masks: torch.Tensor
    targets: list[TargetState]
    crops: list[EncodedCrop]
    encodings: list[LabelEncoding]
    crop_masks: list[torch.Tensor]


class JointTracker(StateOfVideo[VideoState], OnlineTracker):
    """Follows all objects of one video at a time.

    Args:
        params: Configuration.
        network: Network in eval mode on the runtime's device; prepared for inference in place.
        runtime: Device and precision.
        listener: Called as ``listener(event, object_state, **tensors)`` for live views and tests:
            ``init`` (mask), ``update``, ``crop`` (patch) and ``scores`` (logits) of an object.
    """

    def __init__(
        self,
        params: JointParameters,
        network: JOINTNet,
        runtime: Runtime,
        listener: Listener = ignore_events,
    ) -> None:
        self.params = params
        self.network = network
        self.runtime = runtime
        self.listener = listener
        image_format = ImageFormat(params.image_format, params.image_mean, params.image_std)
        self.encoder = FrameEncoder(network, image_format, runtime)
        self.kernel_size = network.target_model.filter_optimizer.kernel_size
        self.cross_attention = network.transformer.decoder.cross_attn

    @classmethod
    def create(cls, params: JointParameters, runtime: Runtime) -> JointTracker:
        """See ``OnlineTracker.create``."""
        from pytracking.utils.loading import load_evaluation_network

        network = load_evaluation_network(params.net, JOINTNet, runtime.device)
        return cls(params, network, runtime, listen_for(runtime.inspector))

    @torch.inference_mode()
    def initialize(self, image: np.ndarray, info: FrameInfo) -> FrameOutput:
        """See ``OnlineTracker.initialize``."""
        if not info.object_ids:
            raise DataError("a video must start with at least one object")
        check_frame(image, info, image.shape[:2], running=set())
        self.state = VideoState.empty((image.shape[0], image.shape[1]), self.runtime.device)
        return self._finish(self._start_objects(self._to_device(image), info))

    @torch.inference_mode()
    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> FrameOutput:
        """See ``OnlineTracker.track``."""
        info = info or FrameInfo()
        running = {obj.object_id for obj in self.state.objects}
        check_frame(image, info, self.state.image_size, running)
        pixels = self._to_device(image)
        for state in self.state.objects:
            state.frame_number += 1
        self._update_memories()
        scores = self._segment(pixels)
        if info.object_ids:
            scores = torch.cat([scores, self._start_objects(pixels, info)])
        return self._finish(scores)

    def skip(self) -> None:
        """See ``OnlineTracker.skip``."""
        for state in self.state.objects:
            state.frame_number += 1
            state.skipped += 1

    @torch.inference_mode()
    def correct(
        self, image: np.ndarray, info: FrameInfo, is_remembered: bool = False
    ) -> FrameOutput:
        """See ``OnlineTracker.correct``."""
        state = self.state
        labels = torch.tensor(np.asarray(info.mask), device=self.runtime.device)
        present = tuple(key for key in info.object_ids if bool((labels == key).any()))
        seen = replace(info, object_ids=present)
        if present:
            found = self._annotate(self._to_device(image), seen)
            for key, target in zip(present, found.targets, strict=True):
                self._object(key).target = target
            if not is_remembered:
                self._memorise(present, found)
        running = [obj.object_id for obj in state.objects]
        masks = {key: (labels == key).float() for key in info.object_ids}
        state.probabilities = overwrite(state.probabilities, running, masks)
        return self._output()

    @torch.inference_mode()
    def remember(self, image: np.ndarray, info: FrameInfo) -> None:
        """See ``OnlineTracker.remember``."""
        self._memorise(info.object_ids, self._annotate(self._to_device(image), info))

    @torch.inference_mode()
    def remove(self, object_id: int) -> None:
        """See ``OnlineTracker.remove``."""
        state, gone = self.state, self._object(object_id)
        running = [obj.object_id for obj in state.objects]
        if len(running) == 1:
            self._state = None
            return
        nothing = {object_id: torch.zeros_like(state.probabilities[0])}
        kept = [0, *(i for i, obj in enumerate(state.objects, 1) if obj is not gone)]
        state.probabilities = overwrite(state.probabilities, running, nothing)[kept]
        state.moments = Moments(state.probabilities[1:])
        state.objects.remove(gone)

    def _object(self, object_id: int) -> ObjectState:
        found = next((obj for obj in self.state.objects if obj.object_id == object_id), None)
        if found is None:
            raise DataError(f"object {object_id} is not followed")
        return found

    def _memorise(self, object_ids: Sequence[int], found: _Annotation) -> None:
        """Store an annotated frame, and learn from it."""
        objects = [self._object(key) for key in object_ids]
        memories = [obj.memory for obj in objects]
        store(memories, found.crops, found.encodings, is_annotated=True)
        for memory in memories:
            memory.encode(self.cross_attention)
        self._optimise(objects, self.params.net_opt_iter)

    def _to_device(self, image: np.ndarray) -> torch.Tensor:
        """uint8 (H, W, 3) -> float (1, 3, H, W) on the device."""
        pixels = torch.tensor(np.ascontiguousarray(image), device=self.runtime.device)
        return pixels.permute(2, 0, 1)[None].float()

    def _start_objects(self, pixels: torch.Tensor, info: FrameInfo) -> torch.Tensor:
        """Start the objects of ``info``; returns their scores (objects, H, W)."""
        found = self._annotate(pixels, info)
        started = [
            self._new_object(number, target, crop, encoding)
            for number, target, crop, encoding in zip(
                info.object_ids, found.targets, found.crops, found.encodings, strict=True
            )
        ]
        self._optimise(started, self.params.net_opt_iter)
        self.state.objects += started
        for obj, mask in zip(started, found.crop_masks, strict=True):
            self.listener("init", obj, mask=mask)
        return start_scores(found.masks)

    def _annotate(self, pixels: torch.Tensor, info: FrameInfo) -> _Annotation:
        """Cut and encode the objects of ``info``, each around its own mask."""
        params, size = self.params, self.params.image_sample_size
        labels = torch.tensor(np.asarray(info.mask), device=self.runtime.device)
        masks = torch.stack([labels == number for number in info.object_ids]).float()
        targets, crops, crop_masks = [], [], []
        for mask, box in zip(masks, start_boxes(info), strict=True):
            target = TargetState.from_box(box, params.search_area_scale, size)
            plan = plan_first_window(
                self.state.image_size, target.center, target.scale, size, params.border_mode
            )
            targets.append(target)
            crops.append(cut_first_window(pixels, plan, is_mask=False))
            crop_masks.append(cut_first_window(mask[None, None], plan, is_mask=True)[0])
        encoded, _ = self.encoder.encode_crops(torch.cat(crops))
        encodings = self.encoder.encode_masks(torch.cat(crop_masks))
        return _Annotation(masks, targets, encoded, encodings, crop_masks)

    def _new_object(
        self, object_id: int, target: TargetState, crop: EncodedCrop, encoding: LabelEncoding
    ) -> ObjectState:
        """An object that knows its first frame, with a filter still to be learned."""
        params, features = self.params, crop.features
        weights = SampleWeights(
            params.sample_memory_size, params.learning_rate, params.init_samples_minimum_weight
        )
        memory = ObjectMemory(crop, encoding, weights)
        memory.encode(self.cross_attention)
        channels = (encoding.induction.shape[0], features.induction.shape[0])
        filters = features.induction.new_zeros(*channels, self.kernel_size, self.kernel_size)
        return ObjectState(object_id, target, memory, filters)

    def _update_memories(self) -> None:
        """Store the last frame of the objects whose turn it is, and learn from it."""
        params, state = self.params, self.state
        if not params.update_target_model:
            return
        tracked = [
            (index, obj) for index, obj in enumerate(state.objects, 1) if obj.crop is not None
        ]
        due = [
            (index, obj)
            for index, obj in tracked
            if obj.frame_number % params.train_sample_interval <= obj.skipped
        ]
        if due:
            masks = torch.stack([self._last_mask(index, obj) for index, obj in due])
            store(
                [obj.memory for _, obj in due],
                [obj.last_crop.encoded for _, obj in due],
                self.encoder.encode_masks(masks),
            )
            learning = [
                obj for _, obj in due if (obj.frame_number - 1) % params.train_skipping == 0
            ]
            for obj in learning:
                obj.memory.encode(self.cross_attention)
            self._optimise(learning, params.net_opt_update_iter)
        for _, obj in tracked:
            self.listener("update", obj)

    def _last_mask(self, index: int, obj: ObjectState) -> torch.Tensor:
        """The last merged probabilities of an object, cut like its last crop."""
        probabilities = self.state.probabilities[None, index : index + 1]
        window, size = obj.last_crop.window, self.params.image_sample_size
        return cut_window(probabilities, window, size, is_mask=True)[0, 0]

    def _optimise(self, objects: Sequence[ObjectState], iterations: int) -> None:
        """Improve the objects' filters, those with equally many memory frames in one batch."""
        groups: dict[int, list[ObjectState]] = {}
        for obj in objects:
            groups.setdefault(obj.memory.weights.stored, []).append(obj)
        for members in groups.values():
            memories = [member.memory for member in members]
            improved = self.network.target_model.filter_optimizer(
                torch.stack([member.filters for member in members]),
                MatrixOperator(_features_of(memories), self.kernel_size),
                _per_sequence([memory.labels for memory in memories]),
                _per_sequence([memory.sample_weights for memory in memories]),
                iterations,
            )
            for member, filters in zip(members, improved, strict=True):
                member.filters = filters

    def _segment(self, pixels: torch.Tensor) -> torch.Tensor:
        """Scores (objects, H, W) of the running objects in a new frame."""
        params, objects = self.params, self.state.objects
        windows = shared_windows(self._plan_windows(), params.window_tolerance)
        unique = list(dict.fromkeys(windows))
        patches = [
            cut_window(pixels, window, params.image_sample_size, is_mask=False) for window in unique
        ]
        encoded, layers = self.encoder.encode_crops(torch.cat(patches))
        crop_index = [unique.index(window) for window in windows]
        for obj, window, index in zip(objects, windows, crop_index, strict=True):
            obj.crop, obj.skipped = Crop(window, encoded[index]), 0
        logits = self.encoder.decode(
            self._encodings(crop_index), layers, params.image_sample_size, crop_index
        )
        for obj, index, scores in zip(objects, crop_index, logits, strict=True):
            self.listener("crop", obj, patch=patches[index])
            self.listener("scores", obj, logits=scores)
        return self._paste(logits, unique, crop_index)

    def _plan_windows(self) -> list[SearchWindow]:
        """Let every object follow its last mask, and place its search window."""
        params, state = self.params, self.state
        size = params.image_sample_size
        windows = []
        for index, obj in enumerate(state.objects):
            target = obj.target
            target.follow(*self._measure(index, target), params.max_scale_change)
            center = target.search_center(size, FEATURE_STRIDE, self.kernel_size)
            windows.append(
                plan_window(
                    state.image_size,
                    center,
                    target.scale * vector(size),
                    size,
                    params.border_mode,
                    params.patch_max_scale_change,
                )
            )
        return windows

    def _measure(self, index: int, target: TargetState) -> tuple[Vector, Vector]:
        """Centre and size of an object's last mask; the old ones where it has vanished."""
        if self.state.moments.mass(index) < self.params.min_mask_area:
            return target.center, target.size
        return self.state.moments.center_and_size(index, self.params.seg_to_bb_sz_factor)

    def _encodings(self, crop_index: Sequence[int]) -> torch.Tensor:
        """E_tm + E_tr of all objects, (objects, 16, h, w)."""
        objects = self.state.objects
        queries: dict[int, torch.Tensor] = {}
        for obj, index in zip(objects, crop_index, strict=True):
            if index not in queries:
                queries[index] = obj.last_crop.encoded.queries(self.cross_attention)
        read = [
            obj.memory.read(queries[index]) for obj, index in zip(objects, crop_index, strict=True)
        ]
        induction = torch.stack([obj.last_crop.encoded.features.induction for obj in objects])[None]
        filters = torch.stack([obj.filters for obj in objects])
        encodings = self.network.target_model.apply_target_model(filters, induction)[0]
        return encodings + torch.stack(read).view_as(encodings)

    def _paste(
        self, logits: torch.Tensor, windows: Sequence[SearchWindow], crop_index: Sequence[int]
    ) -> torch.Tensor:
        """Scores of all objects in the image, (objects, H, W)."""
        scores = [
            paste_scores(crop_logits[None], windows[index].coords, self.state.image_size)
            for crop_logits, index in zip(logits, crop_index, strict=True)
        ]
        return torch.cat(scores)

    def _finish(self, scores: torch.Tensor) -> FrameOutput:
        """Merge the objects' scores and remember the result."""
        self.state.probabilities = aggregate(scores)
        return self._output()

    def _output(self) -> FrameOutput:
        """The result of the frame whose probabilities the state holds."""
        state = self.state
        state.moments = Moments(state.probabilities[1:])
        object_ids = [obj.object_id for obj in state.objects]
        boxes = {
            obj.object_id: box_of(*self._measure(index, obj.target))
            for index, obj in enumerate(state.objects)
        }
        labels = label_map(state.probabilities, object_ids).cpu().numpy()
        return FrameOutput(labels, boxes, state.probabilities)


def _per_sequence(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """Maps (frames, h, w, 16) of every object, seen as (frames, objects, 16, h, w)."""
    return torch.stack(list(maps), dim=1).permute(0, 1, 4, 2, 3)


def _features_of(memories: Sequence[ObjectMemory]) -> list[list[torch.Tensor]]:
    """Target-model features slot by slot: only one map where all objects hold the same crop."""
    frames = []
    for crops in zip(*(memory.crops for memory in memories), strict=True):
        is_shared = all(crop is crops[0] for crop in crops)
        frames.append([crop.induction for crop in (crops[:1] if is_shared else crops)])
    return frames
