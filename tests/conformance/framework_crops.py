"""Reference cases of boxes, their jitter and the crops of training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import BoxJitter, box_of_mask, measure_objects
from ltr.data.crops import (
    crop_image,
    crop_mask,
    target_window,
)
from tests.conformance.report import Report
from tests.upstream_functions import move_box_to_square, square_window

_OTHER_BOX = np.float32([70, 44, 40, 30])


def jitter(entry: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Boxes displaced by given draws."""
    for index, case in enumerate(json.loads((folder / "jitter.json").read_text())):
        centre = case["center_jitter_factor"]
        jitter = BoxJitter(
            case["scale_jitter_factor"],
            tuple(centre) if isinstance(centre, list) else centre,
            case["scale_mode"],
        )
        draw = np.float32(case["draw_size"])
        log_scales = draw * np.float32(jitter.scale) if jitter.mode == "gauss" else draw
        got = jitter.apply(
            np.float32(case["box"]), log_scales, np.float32(case["draw_center"]) - np.float32(0.5)
        )
        report.close("jitter", str(index), got, np.array(case["jittered"]), absolute=1e-4)


def mask_boxes(entry: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Boxes of masks in the three forms, and as data sets cache them."""
    arrays = np.load(folder / "mask_boxes.npz")
    width = entry["shape"][-1]
    masks = np.unpackbits(arrays["masks"], axis=-1)[..., :width]
    for name, form in (("fmt_c", "centre"), ("fmt_t", "xywh"), ("fmt_v", "corners")):
        got = np.stack([box_of_mask(mask, form) for mask in masks])
        report.close("mask_boxes", name, got, arrays[name], absolute=1e-3)
    cached = [measure_objects(mask).get(1, (0, (0, 0, 0, 0)))[1] for mask in masks]
    report.equal("mask_boxes", "meta_bbox", np.array(cached), arrays["meta_bbox"])


def train_crops(entry: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Crops around a target, in three modes."""
    arrays = np.load(folder / "train_crops.npz")
    for case in entry["cases"]:
        try:
            _train_crop(case, arrays, report)
        except DataError as error:
            _expect_error("train_crops", case, error, report)


def _train_crop(case: Mapping[str, Any], arrays: Mapping[str, Any], report: Report) -> None:
    index, size = case["case"], tuple(case["output_sz_wh"])
    name = f"train_crops {index}"
    image, mask = arrays["image"], arrays["mask"]
    window = target_window(
        image.shape[1::-1],
        np.float32(case["box"]),
        case["search_area_factor"],
        size,
        case["mode"],
        case["max_scale_change"],
    )
    if "raises" in case:
        report.fail(name, f"no error, expected {case['raises']!r}")
        return
    corner_and_size = [window.left, window.top, window.width, window.height]
    report.equal(name, "crop_box", np.float64(corner_and_size), np.float64(case["crop_box"]))
    cropped, labels = crop_image(image, window, size), crop_mask(mask, window, size)
    wanted = arrays[f"img_{index}"]
    report.close(name, "image", cropped[::4, ::4].astype(int), wanted.astype(int), absolute=1)
    report.close(name, "image_mean", cropped.mean(), case["image_mean"], absolute=1)
    report.equal(name, "mask", np.packbits(labels.astype(np.uint8)), arrays[f"mask_{index}"])
    report.equal(name, "mask_shape", list(labels.shape), case["mask_shape"])
    report.equal(name, "mask_sum", float(labels.sum()), case["mask_sum"])
    moved = window.move_box(_OTHER_BOX, size)
    report.close(name, "gt_box_in_crop", moved, np.array(case["gt_box_in_crop"]), absolute=1e-4)


def square_crops(entry: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Square crops with a smooth mask."""
    arrays = np.load(folder / "square_crops.npz")
    for case in entry["cases"]:
        try:
            _square_crop(case, arrays, report)
        except DataError as error:
            _expect_error("square_crops", case, error, report)


def _square_crop(case: Mapping[str, Any], arrays: Mapping[str, Any], report: Report) -> None:
    index, box = case["case"], np.float32(case["box"])
    name = f"square_crops {index}"
    window = square_window(box, case["search_area_factor"])
    if "raises" in case:
        report.fail(name, f"no error, expected {case['raises']!r}")
        return
    side = case["output_sz"] or window.width
    scale = side / window.width
    image = crop_image(arrays["image"], window, (side, side))
    mask = crop_mask(arrays["mask"], window, (side, side), is_smooth=True)
    report.equal(name, "out_shape", list(image.shape), case["out_shape"])
    wanted = arrays[f"img_{index}"]
    report.close(name, "image", image[::3, ::3].astype(int), wanted.astype(int), absolute=1)
    report.close(name, "mask", mask[::3, ::3], arrays[f"mask_{index}"], absolute=1e-5)
    report.close(name, "resize_factor", scale, case["resize_factor"], absolute=1e-9)
    moved = move_box_to_square(_OTHER_BOX, box, scale, side)
    report.close(name, "gt_box_in_crop", moved, np.array(case["gt_box_in_crop"]), absolute=1e-3)


def _expect_error(group: str, case: Mapping[str, Any], error: DataError, report: Report) -> None:
    name = f"{group} {case['case']}"
    if "raises" in case:
        report.equal(name, "raises", True, True)
    else:
        report.fail(name, f"unexpected error: {error}")
