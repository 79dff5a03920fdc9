"""Framework cases of the tracker's functions: crops, first-frame crops, moments, merging."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pytracking.tracker.joint.geometry import (
    TargetState,
    plan_first_window,
    plan_window,
    vector,
)
from pytracking.tracker.joint.merge import (
    Moments,
    aggregate,
    label_map,
    start_scores,
)
from pytracking.tracker.joint.moments import box_of
from pytracking.tracker.joint.patch import cut_first_window, cut_window
from tests.conformance.report import Report
from tests.upstream_functions import merge_by_threshold

_PIXELS = 1e-2
_MERGED = 1e-5
_BOXES = 1e-3


def run(manifest: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Compare the groups of this module that the manifest names."""
    groups = {
        "tracker_patches": _patches,
        "init_patches": _first_patches,
        "mask_boxes": _moment_boxes,
        "merge": _merge,
        "default_merge": _default_merge,
    }
    for name, check in groups.items():
        if name in manifest["cases"]:
            with np.load(folder / f"{name}.npz") as archive:
                check(manifest["cases"][name], dict(archive), report)


def _image(arrays: Mapping[str, np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(arrays["image"]).permute(2, 0, 1)[None].float()


def _mask(arrays: Mapping[str, np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(arrays["mask"])[None, None].float()


def _bits(mask: torch.Tensor) -> np.ndarray:
    return np.packbits(mask[0, 0].numpy() > 0.5)


def _patches(entry: Mapping, arrays: Mapping, report: Report) -> None:
    for case in entry["cases"]:
        name = f"patch.{case['case']}"
        source = _mask(arrays) if case["is_mask"] else _image(arrays)
        window = plan_window(
            source.shape[-2:], vector(case["pos_yx"]), vector(case["sample_sz"]),
            case["output_sz"], case["mode"], case.get("max_scale_change"),
        )  # fmt: skip
        patch = cut_window(source, window, case["output_sz"], case["is_mask"])
        want = arrays[f"p_{case['case']}"]
        report.equal("tracker_patches", f"{name}.coords", list(window.coords), case["coords_tlbr"])
        if case["is_mask"]:
            report.equal("tracker_patches", name, _bits(patch), want)
        else:
            report.close("tracker_patches", name, patch[0, :, ::6, ::6], want, absolute=_PIXELS)
        mean = patch.double().mean()
        report.close("tracker_patches", f"{name}.mean", mean, case["mean"], absolute=_PIXELS)
        total = patch.double().abs().sum()
        report.close("tracker_patches", f"{name}.sum", total, case["abs_sum"], relative=1e-4)


def _first_patches(entry: Mapping, arrays: Mapping, report: Report) -> None:
    image, mask = _image(arrays), _mask(arrays)
    for case in entry["cases"]:
        name, size = str(case["case"]), case["image_sample_size"]
        state = TargetState.from_box(case["box"], case["search_area_scale"], size)
        plan = plan_first_window(
            image.shape[-2:], state.center, state.scale, size, case["border_mode"]
        )
        crop = cut_first_window(image, plan, is_mask=False)
        label = cut_first_window(mask, plan, is_mask=True)
        report.close(
            "init_patches", f"{name}.scale", state.scale, case["target_scale"], relative=1e-6
        )
        report.equal("init_patches", f"{name}.shift", list(plan.shift), case["shift_yx"])
        report.close(
            "init_patches", f"{name}.image", crop[0, :, ::6, ::6], arrays[f"im_{name}"],
            absolute=_PIXELS,
        )  # fmt: skip
        report.equal("init_patches", f"{name}.mask", _bits(label), arrays[f"m_{name}"])
        mean = crop.double().mean()
        report.close("init_patches", f"{name}.mean", mean, case["im_mean"], absolute=_PIXELS)
        report.equal("init_patches", f"{name}.mask_sum", label.sum().item(), case["mask_sum"])


def _moment_boxes(entry: Mapping, arrays: Mapping, report: Report) -> None:
    _, _, width = entry["shape"]
    masks = torch.from_numpy(np.unpackbits(arrays["masks"], axis=-1)[..., :width])
    moments = Moments(0.9 * masks.float() + 0.0005)
    for index in range(len(masks)):
        center, size = vector((7, 8)), vector((9, 10))
        if moments.mass(index) >= 100:
            center, size = moments.center_and_size(index, 4)
        report.close(
            "mask_boxes", f"{index}.pos", center, arrays["var_pos"][index], absolute=_BOXES
        )
        report.close("mask_boxes", f"{index}.size", size, arrays["var_sz"][index], absolute=_BOXES)


def _merge(entry: Mapping, arrays: Mapping, report: Report) -> None:
    for case in entry["cases"]:
        name, ids = str(case["case"]), case["object_ids"]
        order = [i for i in ids if i not in case["initialised_this_frame"]]
        order += case["initialised_this_frame"]
        scores = []
        for number in order:
            given = torch.from_numpy(arrays[f"in_{name}_{number}"])
            is_new = number in case["initialised_this_frame"]
            scores.append(start_scores(given) if is_new else given)
        probabilities = aggregate(torch.stack(scores))
        labels = label_map(probabilities, [int(number) for number in order])
        report.equal("merge", f"{name}.labels", labels, arrays[f"label_{name}"])
        want = arrays[f"prob_{name}"][[ids.index(number) for number in order]]
        report.close("merge", f"{name}.prob", probabilities[1:], want, relative=_MERGED)
        moments = Moments(probabilities[1:])
        for index, number in enumerate(order):
            box = box_of(*moments.center_and_size(index, 4))
            report.close(
                "merge", f"{name}.box{number}", box, case["boxes"][number], relative=_MERGED
            )


def _default_merge(entry: Mapping, arrays: Mapping, report: Report) -> None:
    masks = [array for name, array in sorted(arrays.items()) if name != "label"]
    ids = [int(number) for number in entry["ids"]]
    labels = merge_by_threshold(torch.from_numpy(np.stack(masks)), ids, entry["threshold"])
    report.equal("default_merge", "labels", labels, arrays["label"])
