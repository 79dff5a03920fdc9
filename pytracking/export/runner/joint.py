"""Runs the graphs of JOINT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ltr.admin.errors import DataError
from pytracking.export.runner.crops import cut_first_window, cut_window, paste_scores
from pytracking.export.runner.graphs import ExportedGraph
from pytracking.export.runner.manifest import Arrays, Manifest
from pytracking.export.runner.output import ExportedOutput, label_map
from pytracking.tracker.checks import check_frame
from pytracking.tracker.frame_info import FrameInfo
from pytracking.tracker.joint.geometry import (
    SearchWindow,
    TargetState,
    Vector,
    ieee_root,
    plan_first_window,
    plan_window,
    vector,
)
from pytracking.tracker.joint.moments import AxisMoments
from pytracking.tracker.joint.sample_weights import SampleWeights
from pytracking.tracker.joint.start import start_boxes

_START_SCORE = 100.0
_MIN_PROBABILITY = 1e-7


@dataclass
class _Object:
    """One object.

    Args:
        target: Position, size and scale.
        weights: Temporal weights of its memory.
        memory: Its memory, inputs of the graphs.
        frame_number: The object's own counter, 1 in its first frame.
        window: Search window of the last frame.
        encoded: What the network made of the last crop.
    """

    target: TargetState
    weights: SampleWeights
    memory: Arrays
    frame_number: int = 1
    window: SearchWindow | None = None
    encoded: Arrays = field(default_factory=dict)


class ExportedJoint:
    """Follows all objects of one video at a time, any number of them.

    Args:
        manifest: Manifest of the folder, with the settings of the graphs.
        graphs: ``encode``, ``segment``, ``start`` and ``remember``.
    """

    def __init__(self, manifest: Manifest, graphs: dict[str, ExportedGraph]) -> None:
        self._graphs = graphs
        self._params = manifest.parameters
        self._settings = manifest.settings
        self._crop_size: tuple[int, int] = graphs["start"].shape("mask")[:2]  # type: ignore[assignment]
        self._slots = graphs["segment"].shape("filled")[0]
        self._objects: dict[int, _Object] = {}
        self._probabilities: np.ndarray | None = None

    def initialize(self, image: np.ndarray, info: FrameInfo) -> ExportedOutput:
        """See ``ExportedTracker``.

        Raises:
            DataError: See ``OnlineTracker.initialize``.
        """
        if not info.object_ids:
            raise DataError("a video must start with at least one object")
        check_frame(image, info, image.shape[:2], running=set())
        self._objects = {}
        return self._finish(self._start_objects(_planes(image), info))

    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> ExportedOutput:
        """See ``ExportedTracker``.

        Raises:
            DataError: See ``OnlineTracker.track``.
            RuntimeError: No video has begun.
        """
        if self._probabilities is None:
            raise RuntimeError("no video has begun: call initialize() first")
        info = info or FrameInfo()
        check_frame(image, info, self._last.shape[1:], set(self._objects))
        pixels = _planes(image)
        for obj in self._objects.values():
            obj.frame_number += 1
        self._remember()
        scores = self._segment(pixels)
        if info.object_ids:
            scores += self._start_objects(pixels, info)
        return self._finish(scores)

    @property
    def _last(self) -> np.ndarray:
        """Probabilities of the last frame, (1 + objects, H, W)."""
        assert self._probabilities is not None  # a video has begun
        return self._probabilities

    def _start_objects(self, pixels: np.ndarray, info: FrameInfo) -> list[np.ndarray]:
        """Start the objects of ``info``; their scores, (H, W) each."""
        params, size, labels = self._params, self._crop_size, info.mask
        if labels is None:
            raise DataError("an object without a mask cannot start")
        scores = []
        for number, box in zip(info.object_ids, start_boxes(info), strict=True):
            mask = (labels == number).astype(np.float32)
            target = TargetState.from_box(box, params["search_area_scale"], size, ieee_root)
            plan = plan_first_window(
                pixels.shape[1:],
                target.center,
                target.scale,
                size,
                params["border_mode"],
                ieee_root,
            )
            crop = cut_first_window(pixels, plan, is_mask=False)
            encoded = self._graphs["encode"].run({}, crop=crop[None])
            memory: Arrays = {}
            own_mask = cut_first_window(mask[None], plan, is_mask=True)[0]
            self._graphs["start"].run(memory, mask=own_mask, **_entry(encoded))
            weights = SampleWeights(
                self._slots, params["learning_rate"], params["init_samples_minimum_weight"]
            )
            self._objects[number] = _Object(target, weights, memory)
            scores.append((mask - np.float32(0.5)) * np.float32(2 * _START_SCORE))
        return scores

    def _remember(self) -> None:
        """Store the last frame of the objects whose turn it is, and learn from it."""
        params = self._params
        if not params["update_target_model"]:
            return
        for index, obj in enumerate(self._objects.values(), 1):
            if obj.window is None or obj.frame_number % params["train_sample_interval"]:
                continue
            last = self._last[index : index + 1]
            mask = cut_window(last, obj.window, self._crop_size, is_mask=True)[0]
            filled = self._filled(obj)
            slot = obj.weights.insert()
            shares = np.zeros(self._slots, np.float32)
            shares[: obj.weights.stored] = obj.weights.values
            self._graphs["remember"].run(
                obj.memory,
                mask=mask,
                slot=np.array([slot]),
                filled=filled,
                shares=shares,
                **_entry(obj.encoded),
            )

    def _filled(self, obj: _Object) -> np.ndarray:
        """The slots of an object's memory that count."""
        return np.arange(self._slots) < obj.weights.stored

    def _segment(self, pixels: np.ndarray) -> list[np.ndarray]:
        """Scores (H, W) of the running objects in a new frame; equal crops are encoded once."""
        scores = []
        encoded: dict[SearchWindow, Arrays] = {}
        for index, obj in enumerate(self._objects.values()):
            window = self._plan_window(index, obj)
            if window not in encoded:
                crop = cut_window(pixels, window, self._crop_size, is_mask=False)
                encoded[window] = self._graphs["encode"].run({}, crop=crop[None])
            obj.window, obj.encoded = window, encoded[window]
            segment = self._graphs["segment"]
            outputs = segment.run({**obj.memory}, filled=self._filled(obj), **obj.encoded)
            scores.append(paste_scores(outputs["logits"], window.coords, pixels.shape[1:]))
        return scores

    def _plan_window(self, index: int, obj: _Object) -> SearchWindow:
        """Let an object follow its last mask, and place its search window."""
        params, size, target = self._params, self._crop_size, obj.target
        target.follow(*self._measure(index, target), params["max_scale_change"], ieee_root)
        settings = self._settings
        center = target.search_center(size, settings["feature_stride"], settings["kernel_size"])
        return plan_window(
            self._last.shape[1:],
            center,
            target.scale * vector(size),
            size,
            params["border_mode"],
            params["patch_max_scale_change"],
        )

    def _measure(self, index: int, target: TargetState) -> tuple[Vector, Vector]:
        """Centre and size of an object's last mask; the old ones where it has vanished."""
        maps = self._last[index + 1 : index + 2]
        moments = AxisMoments(*(maps.sum(axis=axis).astype(np.float64) for axis in (2, 1)))
        if moments.mass(0) < self._params["min_mask_area"]:
            return target.center, target.size
        return moments.center_and_size(0, self._params["seg_to_bb_sz_factor"])

    def _finish(self, scores: Sequence[np.ndarray]) -> ExportedOutput:
        """Merge the objects' scores and remember the result."""
        self._probabilities = _aggregate(np.stack(scores))
        labels = label_map(self._last, [0, *self._objects])
        return ExportedOutput(labels, self._last, tuple(self._objects))


def _planes(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) -> float32 (3, H, W)."""
    return np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)


def _entry(encoded: Arrays) -> Arrays:
    """What a memory keeps of a crop."""
    names = ("induction", "tokens", "keys", "numerator", "denominator")
    return {name: encoded[name] for name in names}


def _aggregate(scores: np.ndarray) -> np.ndarray:
    """Merge scores (objects, H, W) into probabilities (1 + objects, H, W), background first."""
    with np.errstate(over="ignore"):
        foreground = 1 / (1 + np.exp(-scores))
    background = (1 - foreground).prod(axis=0, keepdims=True)
    background = background.clip(_MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    logits = np.concatenate([np.log(background / (1 - background)), scores])
    weights = np.exp(logits - logits.max(axis=0))
    return (weights / weights.sum(axis=0)).astype(np.float32)
