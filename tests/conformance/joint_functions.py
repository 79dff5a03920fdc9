"""The tracker's functions on small inputs: crops, paste-back, moments, merging, weights, losses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.models.loss.lovasz import lovasz_sigmoid
from ltr.models.loss.segmentation import encoding_similarity
from pytracking.tracker.joint.geometry import (
    TargetState,
    mean_ratio,
    plan_first_window,
    plan_window,
    vector,
)
from pytracking.tracker.joint.merge import Moments, aggregate, label_map, start_scores
from pytracking.tracker.joint.moments import box_of
from pytracking.tracker.joint.parameters import JointParameters
from pytracking.tracker.joint.patch import cut_first_window, cut_window, paste_scores
from pytracking.tracker.joint.sample_weights import SampleWeights
from tests.conformance.report import Report

_DEFAULTS = JointParameters(net="")
_PIXELS = 1e-2
_VALUES = 1e-4


def run(manifest: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Compare all entries of ``manifest.functions``."""
    with np.load(folder / "functions.npz") as archive:
        arrays = {name: torch.from_numpy(archive[name]) for name in archive.files}
    functions = manifest["functions"]
    checks = {
        "sample_patch": _sample_patch,
        "back": _paste,
        "init_crop": _first_crop,
        "memory_weights": _memory_weights,
        "lovasz": _lovasz,
        "diff": _diff,
    }
    for name, value in functions.items():
        if name in checks:
            checks[name](value, arrays, functions, report)
        elif name != "sample_size":
            report.fail("functions", f"unknown entry {name!r}")
    if "state_pos" in arrays:
        _moments(arrays, report)
    if "agg_labels" in arrays:
        _aggregation(arrays, report)


def _sample_patch(entries: list, arrays: dict, functions: Mapping, report: Report) -> None:
    size = functions["sample_size"]
    image, prob = arrays["image"].float(), arrays["prob"][None, None]
    for entry in entries:
        source = prob if entry["mask"] else image
        sample = np.float32(entry["scale"]) * vector(size)
        window = plan_window(source.shape[-2:], vector(entry["pos"]), sample, size, "inside_major")
        patch = cut_window(source, window, size, entry["mask"])
        name = f"patch{entry['i']}_{'m' if entry['mask'] else 'i'}"
        report.equal("functions", f"{name}.coords", list(window.coords), entry["coords"])
        limit = 0.0 if entry["mask"] else _PIXELS
        report.close("functions", name, patch[:, :, ::3, ::3], arrays[name], absolute=limit)


def _first_crop(entries: list, arrays: dict, functions: Mapping, report: Report) -> None:
    size = functions["sample_size"]
    image, mask = arrays["image"].float(), arrays["initcrop_mask_full"][None, None]
    for index, entry in enumerate(entries):
        state = TargetState.from_box(entry["bbox"], _DEFAULTS.search_area_scale, size)
        plan = plan_first_window(
            image.shape[-2:], state.center, state.scale, size, _DEFAULTS.border_mode
        )
        crops = {
            "i": cut_first_window(image, plan, is_mask=False),
            "m": cut_first_window(mask, plan, is_mask=True),
        }
        case = f"initcrop{index}"
        report.close(
            "functions", f"{case}.scale", state.scale, entry["target_scale"], relative=1e-6
        )
        report.close(
            "functions", f"{case}_i", crops["i"][:, :, ::2, ::2], arrays[f"{case}_i"],
            absolute=_PIXELS,
        )  # fmt: skip
        report.equal("functions", f"{case}_m", crops["m"][:, :, ::2, ::2], arrays[f"{case}_m"])
        report.equal("functions", f"{case}.mask_sum", crops["m"].sum().item(), entry["mask_sum"])
        mean = crops["i"].double().mean()
        report.close("functions", f"{case}.image_mean", mean, entry["image_mean"], absolute=_PIXELS)


def _paste(entries: list, arrays: dict, functions: Mapping, report: Report) -> None:
    image_size = arrays["image"].shape[-2:]
    for index, entry in enumerate(entries):
        top, left, bottom, right = entry["coords"]
        scale = mean_ratio(vector((bottom - top, right - left)), vector(functions["sample_size"]))
        position = [(top + bottom - 1) / 2, (left + right - 1) / 2]
        pasted = paste_scores(arrays["crop_scores"], entry["coords"], image_size)
        name = f"back{index}"
        report.close("functions", f"{name}.scale", scale, entry["scale"], relative=1e-6)
        report.close("functions", f"{name}.pos", position, entry["pos"], absolute=1e-6)
        report.close("functions", name, pasted[0, ::2, ::2], arrays[name], relative=_VALUES)


def _memory_weights(entry: Mapping, arrays: dict, functions: Mapping, report: Report) -> None:
    weights = SampleWeights(entry["memory"], entry["lr"], entry["init_samples_minimum_weight"])
    for number, step in enumerate(entry["steps"]):
        slot = weights.insert()
        case = f"memory_weights.{number}"
        want = np.trim_zeros(np.asarray(step["weights"]), "b")
        report.equal("functions", f"{case}.slot", slot, step["replaced"])
        report.close("functions", case, weights.values, want, absolute=1e-6)


def _lovasz(want: float, arrays: dict, functions: Mapping, report: Report) -> None:
    got = lovasz_sigmoid(arrays["lovasz_logits"], arrays["lovasz_target"])
    report.close("functions", "lovasz", got, want, relative=_VALUES)


def _diff(want: float, arrays: dict, functions: Mapping, report: Report) -> None:
    got = encoding_similarity(arrays["diff_a"], arrays["diff_b"])
    report.close("functions", "diff", got, want, relative=_VALUES)


def _moments(arrays: dict, report: Report) -> None:
    moments = Moments(arrays["prob"][None])
    center, size = moments.center_and_size(0, _DEFAULTS.seg_to_bb_sz_factor)
    report.close("functions", "state_pos", center, arrays["state_pos"], relative=_VALUES)
    report.close("functions", "state_sz", size, arrays["state_sz"], relative=_VALUES)
    small = Moments(torch.zeros_like(arrays["prob"])[None]).mass(0)
    is_lost = small < _DEFAULTS.min_mask_area
    kept = (vector((1, 2)), vector((3, 4))) if is_lost else (center, size)
    report.equal("functions", "state_small_pos", kept[0], arrays["state_small_pos"])
    report.equal("functions", "state_small_sz", kept[1], arrays["state_small_sz"])


def _aggregation(arrays: dict, report: Report) -> None:
    numbers = sorted(int(k.removeprefix("agg_in_")) for k in arrays if k.startswith("agg_in_"))
    scores = [arrays[f"agg_in_{number}"] for number in numbers]
    for name in sorted(arrays):
        if name.startswith("agg_gt_mask_obj"):
            numbers.append(int(name.removeprefix("agg_gt_mask_obj")))
            scores.append(start_scores(arrays[name]))
    probabilities = aggregate(torch.stack(scores))
    for number, probability in zip(numbers, probabilities[1:], strict=True):
        name = f"agg_prob_{number}"
        report.close("functions", name, probability, arrays[name], relative=_VALUES)
    labels = label_map(probabilities, numbers)
    report.equal("functions", "agg_labels", labels, arrays["agg_labels"])
    moments = Moments(probabilities[1:])
    factor = _DEFAULTS.seg_to_bb_sz_factor
    boxes = [box_of(*moments.center_and_size(i, factor)) for i in range(len(numbers))]
    report.close("functions", "agg_boxes", boxes, arrays["agg_boxes"], relative=_VALUES)
