"""Reference cases of whole videos: key frames, sequences, reduction and written results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.data.rle import as_rle, decode
from pytracking.tracker.base import Runtime
from pytracking.tracker.propose_reduce.key_frames import (
    detect_masks,
    key_positions,
    without_overlap,
)
from pytracking.tracker.propose_reduce.loading import prepare_network
from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters
from pytracking.tracker.propose_reduce.propose_reduce import ProposeReduce
from pytracking.tracker.propose_reduce.sequences import SequenceStore
from pytracking.tracker.whole_video import InstanceTrack, TextPrompt, label_map
from pytracking.utils.mask_overlaps import video_overlaps
from tests.conformance.propose_reduce_files import Case, golden_network, parse_config
from tests.conformance.report import Report

_SCORE, _PROBABILITY = 1e-3, 1e-4
_MIN_IOU = 0.995
_DAVIS = {"categories": "davis", "reduction": "soft"}


@torch.inference_mode()
def run(name: str, folder: Path, entry: Mapping[str, Any], report: Report) -> None:
    """Compare a whole run, stage by stage."""
    case = Case(name, folder / f"{name}.npz", report)
    segmenter = _segmenter(folder, entry)
    frames = np.ascontiguousarray(case.take("video")[..., ::-1])
    size = case.take("img_shape")[:2].tolist()
    padded = case.take("pad_shape")[:2].tolist()
    case.take("scale_factor")
    positions = key_positions(len(frames), segmenter.params.key_num)
    report.equal(name, "key_frames", positions, case.take("key_frames").tolist())
    _compare_detections(case, segmenter, frames, positions, size)
    store = _compare_sequences(case, segmenter, frames, positions)
    reduced = segmenter.reduce(store)
    want = case.take("out_scores")
    found = reduced.scores if want.ndim == 2 else reduced.scores[:, 1:].max(axis=1)
    report.close(name, "out_scores", found, want, absolute=_SCORE)
    report.equal(name, "out_n", len(reduced.kept), int(case.take("out_n")))
    masks = [store.masks[place] for place in reduced.kept]
    _compare_masks(case, "out_masks", masks, padded)
    tracks = segmenter.segment(frames, TextPrompt())
    if "png" in case:
        _compare_labels(case, tracks, frames.shape[1:3])
    results = folder / f"{name}_results.json"
    if results.exists():
        _compare_results(case, tracks, json.loads(results.read_text()), frames.shape[1:3])
    case.finish()


def _segmenter(folder: Path, entry: Mapping[str, Any]) -> ProposeReduce:
    """The segmenter with the parameters of a case."""
    kind, value = entry["memory"]
    config = entry["config"]
    changes: dict[str, Any] = {kind: value}
    if parse_config(config)[1][0] == "davis":
        changes |= _DAVIS
    elif config.startswith("CateAwareReduce/") and entry.get("use_cate_reduce"):
        changes["reduction"] = "category_aware"
    if entry.get("json_score_thr") is not None:
        changes["min_output_score"] = entry["json_score_thr"]
    params = ProposeReduceParameters(
        net="",
        key_num=entry["key_num"],
        img_scale=tuple(entry["img_scale"]),
        **entry.get("rcnn_overrides", {}),
        **changes,
    )
    network = prepare_network(golden_network(folder, entry), Runtime(torch.device("cpu")))
    return ProposeReduce(params, network, Runtime())


def _compare_detections(
    case: Case, segmenter: ProposeReduce, frames: np.ndarray, positions: list[int], size: list[int]
) -> None:
    cache = segmenter.open_cache(frames)
    for place, position in enumerate(positions):
        if f"k{place}_det_scores" not in case:
            continue
        pyramid = cache.get([position])[position].pyramid
        settings = segmenter.params.detection_settings
        masks, scores = detect_masks(segmenter.network, pyramid, size, settings)
        key = f"k{place}_det_scores"
        case.report.close(case.name, key, scores, case.take(key), absolute=_SCORE)
        wanted = case.take(f"k{place}_det_masks")
        _compare_stacks(case, f"k{place}_det_masks", masks.numpy() > 0, wanted)
        kept = len(without_overlap(masks))
        case.report.equal(case.name, f"k{place}_K", kept, int(case.take(f"k{place}_K")))


def _compare_sequences(
    case: Case, segmenter: ProposeReduce, frames: np.ndarray, positions: list[int]
) -> SequenceStore:
    cache = segmenter.open_cache(frames)
    keys = segmenter.find_key_frames(cache, len(frames), frames.shape[1:3])
    counts = [len(key.masks) for key in keys]
    store = segmenter.collect(cache, keys, len(frames))
    found: dict[int, dict[int, torch.Tensor]] = {}
    for step in segmenter.propagate(segmenter.open_cache(frames), keys, len(frames)):
        for item in step:
            found.setdefault(item.key, {})[item.position] = item.probabilities
    first = np.cumsum([0, *counts])
    scores = store.scores()
    for key, frame in enumerate(keys):
        place = positions.index(frame.position)
        whole = torch.stack([found[key][t] for t in range(len(frames))])
        case.compare(f"k{place}_prob", whole, _PROBABILITY)
        wanted = case.take(f"k{place}_bin").swapaxes(0, 1)
        rows = slice(first[key], first[key + 1])
        binary = (whole >= 0.5).numpy().swapaxes(0, 1)
        _compare_stacks(case, f"k{place}_bin", binary, wanted)
        label = f"k{place}_scores"
        case.report.close(case.name, label, scores[rows], case.take(label), absolute=_SCORE)
    return store


def _compare_masks(case: Case, key: str, sequences: list, size: list[int]) -> None:
    empty = np.zeros(size, np.uint8)
    found = [
        np.stack([empty if mask is None else decode(mask) for mask in masks]) for masks in sequences
    ]
    _compare_stacks(case, key, np.stack(found) if found else np.zeros(0), case.take(key))


def _compare_stacks(case: Case, key: str, found: np.ndarray, wanted: np.ndarray) -> None:
    """The intersection over union of every mask (or sequence of masks) must be almost 1."""
    if found.shape != wanted.shape:
        case.report.fail(case.name, f"{key}: shape {found.shape} instead of {wanted.shape}")
        return
    found, wanted = (part.reshape(len(part), -1).astype(bool) for part in (found, wanted))
    either = (found | wanted).sum(axis=1)
    common = (found & wanted).sum(axis=1)
    ious = np.where(either > 0, common / np.maximum(either, 1), 1.0)
    case.report.close(case.name, f"{key} (IoU)", ious, np.ones(len(ious)), absolute=1 - _MIN_IOU)


def _compare_labels(case: Case, tracks: list[InstanceTrack], shape: tuple[int, int]) -> None:
    wanted = case.take("png")
    found = np.stack([label_map(tracks, position, shape) for position in range(len(wanted))])
    labels = np.unique(np.concatenate([found.ravel(), wanted.ravel()]))
    stacks = ([array == label for label in labels] for array in (found, wanted))
    _compare_stacks(case, "png", *(np.stack(stack) for stack in stacks))


def _compare_results(
    case: Case, tracks: list[InstanceTrack], wanted: list[Any], shape: tuple[int, int]
) -> None:
    flat = [
        (label, score, track.masks)
        for track in tracks
        for label, score in track.category_scores.items()
    ]
    report, name = case.report, case.name
    labels = [entry["category_id"] for entry in wanted]
    report.equal(name, "results categories", [label for label, _, _ in flat], labels)
    scores = np.array([entry["score"] for entry in wanted])
    report.close(name, "results scores", [s for _, s, _ in flat], scores, absolute=_SCORE)
    if len(flat) != len(wanted):
        return
    masks = [[as_rle(mask, *shape) for mask in entry["segmentations"]] for entry in wanted]
    ious = [
        video_overlaps([own], [other])[0, 0] if any(own) else 1.0
        for (_, _, own), other in zip(flat, masks, strict=True)
    ]
    report.close(name, "results masks (IoU)", ious, np.ones(len(ious)), absolute=1 - _MIN_IOU)
