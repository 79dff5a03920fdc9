"""Reference cases of what surrounds the referring network: rules, inputs, clips, scores."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from ltr.data.image_format import IMAGENET_RGB
from ltr.data.referring.clip import Clip, check, crop, fit_size, mirror, relative_boxes, resize
from ltr.data.referring.frames import tracking_neighbour
from ltr.data.rle import encode
from pytracking.analysis.protocols.referring import THRESHOLDS, evaluate_images
from pytracking.tracker.referring import rules
from pytracking.tracker.referring.images import network_input, tracking_input
from pytracking.tracker.referring.sentence_masks import sentence_masks
from tests.conformance.report import Report
from tests.seeded_weights import seeded_input

Arrays = Mapping[str, np.ndarray]

_CRITERIA = ("confidence", "score", "first", "middle", "stability")
_FEW_PIXELS = 4


def run_inference_rules(name: str, info: dict[str, Any], arrays: Arrays, report: Report) -> None:
    """Slot, binary masks, and objects merged to labels."""
    logits, masks = torch.tensor(arrays["logits"]), torch.tensor(arrays["masks"])
    size = tuple(info["out_size"])
    slot = rules.choose_query(logits)
    report.equal(name, "selected_query", [slot], arrays["selected_query"].tolist())
    binary = rules.full_probabilities(masks[:, slot], size) > 0.5
    _compare_masks(name, "binary_packed", binary, info, arrays, report)
    keys = _numbered(arrays, r"obj(\d+)_logits")
    objects = [rules.full_probabilities(torch.tensor(arrays[key]), size) for key in keys]
    labels = rules.merge_objects(torch.stack(objects)).numpy()
    _count_different(name, "davis_labels", labels, arrays["davis_labels"], report)


def run_key_frames(name: str, info: dict[str, Any], arrays: Arrays, report: Report) -> None:
    """Terms and criteria of the key frame, orders of tracking, frames of training."""
    scores = torch.tensor(arrays["score_logits"]).sigmoid()
    terms = rules.key_frame_terms(scores, torch.tensor(arrays["mask_logits"]))
    for key, value in zip(("p", "q", "stability"), terms, strict=True):
        report.close(name, key, value, arrays[key], absolute=1e-5)
    for criterion, frame in info["selected"].items():
        if criterion not in _CRITERIA:
            report.fail(name, f"unknown criterion {criterion!r}")
            continue
        report.equal(name, criterion, rules.choose_key_frame(terms, criterion), frame)
    for entry in info["schedules"]:
        for key, skips in (("default", False), ("released_script", True)):
            steps = rules.tracking_order(entry["n"], entry["k"], skips)
            output = f"{key} n={entry['n']} k={entry['k']}"
            report.equal(name, output, [list(step) for step in steps], entry[key])
    for length, frames in info["training_neighbour"].items():
        found = [tracking_neighbour(frame, int(length)) for frame in range(int(length))]
        report.equal(name, f"training_neighbour n={length}", found, frames)


def run_tracking_input(name: str, info: dict[str, Any], arrays: Arrays, report: Report) -> None:
    """A frame and its object alone as network inputs."""
    image, mask = arrays["image"].astype(np.uint8), arrays["mask"] > 0
    short_side = min(info["tensor_shape"][1:])
    found = {
        "tracking_tensor": tracking_input(image, mask, short_side)[0],
        "frame_tensor": network_input([image], short_side)[0],
    }
    for key, tensor in found.items():
        report.equal(name, f"{key} shape", list(tensor.shape), info["arrays"][key]["shape"])
        _compare_strided(name, key, tensor.numpy(), info, arrays, report, 0.02)


def run_transforms(name: str, info: dict[str, Any], arrays: Arrays, report: Report) -> None:
    """Mirror, resize, crop and normalise a clip."""
    clip = _drawn_clip(info)
    flipped = mirror(clip)
    report.equal(name, "caption_flipped", flipped.sentence, info["caption_flipped"])
    _compare_clip(name, "flip", flipped, info, arrays, report)
    resized = resize(clip, fit_size(clip.size, *info["resize_args"]))
    _compare_clip(name, "resize", resized, info, arrays, report)
    window = re.search(r"\(top,left,h,w\)=\((\d+),(\d+),(\d+),(\d+)\)", info["case"])
    if window is None:
        report.fail(name, "the description names no crop window")
    else:
        cropped = check(crop(clip, *map(int, window.groups())))
        _compare_clip(name, "crop_check", cropped, info, arrays, report)
    _compare_clip(name, "normalize", resized, info, arrays, report)
    for key, size in info["output_wh_table"].items():
        width, height, short, longest = map(int, re.split("[x@/]", key))
        found = fit_size((height, width), short, longest)
        report.equal(name, f"output_wh_table {key}", list(found[::-1]), size)


def run_sentence_scores(name: str, info: dict[str, Any], arrays: Arrays, report: Report) -> None:
    """Masks of single frames and their scores."""
    images, annotations, predictions = [], [], []
    for number, (size, original) in enumerate(zip(info["sizes"], info["orig_sizes"], strict=True)):
        found = sentence_masks(
            torch.tensor(arrays["logits_in"][number][0]),
            torch.tensor(arrays["masks_in"][number][0]),
            torch.zeros(len(arrays["masks_in"][number][0]), 4),
            tuple(size),
            tuple(original),
        )
        report.close(
            name, f"scores{number}", found.scores, arrays[f"scores{number}"], absolute=1e-6
        )
        _compare_masks(name, f"mask{number}_packed", found.masks, info, arrays, report)
        image = f"v_{number}"
        images.append({"id": image, "height": original[0], "width": original[1]})
        truth = encode(_unpack(f"gt{number}_packed", info, arrays))
        area = int(_unpack(f"gt{number}_packed", info, arrays).sum())
        annotations.append(
            {"id": number + 1, "image_id": image, "segmentation": truth, "area": area}
        )
        stored = _unpack(f"mask{number}_packed", info, arrays)
        predictions += [
            {"image_id": image, "score": float(score), "segmentation": encode(mask)}
            for score, mask in zip(arrays[f"scores{number}"], stored, strict=True)
        ]
    scores = evaluate_images({"images": images, "annotations": annotations}, predictions)
    stats = scores.curves.summary()
    keys = ("AP", "AP50", "AP75", "APs", "APm", "APl")
    wanted = {
        "coco_stats_first6": [stats[key] for key in keys],
        "precision_at_0.5_0.6_0.7_0.8_0.9": [scores.precision_at(k) for k in THRESHOLDS],
        "overall_iou": [scores.overall_iou],
        "mean_iou": [scores.mean_iou],
    }
    for key, values in wanted.items():
        report.close(name, key, np.array(values), arrays[key], absolute=1e-6)


RULES: Mapping[str, Callable[[str, dict[str, Any], Arrays, Report], None]] = MappingProxyType(
    {
        "inference_rules": run_inference_rules,
        "key_frame_reconstruction": run_key_frames,
        "tracking_input": run_tracking_input,
        "video_transforms": run_transforms,
        "a2d_eval": run_sentence_scores,
    }
)


def _drawn_clip(info: dict[str, Any]) -> Clip:
    """The clip of the reference values: an object in all frames but the last."""
    count, height, width = info["n"], info["H"], info["W"]
    seed = info.get("seed", 0)
    images, masks = [], np.zeros((count, height, width), bool)
    for frame in range(count):
        planes = seeded_input(f"vt.{frame}", [3, height, width], seed, "image")
        images.append(np.asarray(planes).round().astype(np.uint8).transpose(1, 2, 0))
        if frame < count - 1:
            rows = slice(10 + 5 * frame, 60 + 3 * frame + 1)
            masks[frame, rows, 20 + 4 * frame : 80 - 2 * frame + 1] = True
    return Clip.of_masks(images, masks, info["caption_in"])


def _compare_clip(
    name: str, key: str, clip: Clip, info: dict[str, Any], arrays: Arrays, report: Report
) -> None:
    images, boxes = list(clip.images), clip.boxes
    limit = 0.0 if key in ("flip", "crop_check") else 1.0
    if key == "normalize":
        planes = torch.from_numpy(clip.images).permute(0, 3, 1, 2).float()
        images, boxes = list(IMAGENET_RGB.normalise(planes).numpy()), relative_boxes(clip)
        limit = 0.02
    for frame, image in enumerate(images):
        _compare_strided(name, f"{key}_img{frame}", image, info, arrays, report, limit)
    report.close(name, f"{key}_boxes", boxes, arrays[f"{key}_boxes"], absolute=1e-4)
    _compare_masks(name, f"{key}_masks_packed", clip.masks, info, arrays, report, 0)
    report.equal(name, f"{key}_size", np.array(clip.size), arrays[f"{key}_size"])
    report.equal(
        name, f"{key}_valid", clip.valid.astype(np.int64), arrays[f"{key}_valid"].astype(np.int64)
    )


def _compare_strided(
    name: str,
    key: str,
    found: np.ndarray,
    info: dict[str, Any],
    arrays: Arrays,
    report: Report,
    limit: float,
) -> None:
    stride = info["arrays"][key].get("stride", 1)
    values = found.astype(np.float64).ravel()[::stride]
    report.close(name, key, values, arrays[key].ravel(), absolute=limit)


def _compare_masks(
    name: str,
    key: str,
    found: np.ndarray | torch.Tensor,
    info: dict[str, Any],
    arrays: Arrays,
    report: Report,
    most: int = _FEW_PIXELS,
) -> None:
    _count_different(name, key, np.asarray(found), _unpack(key, info, arrays), report, most)


def _count_different(
    name: str,
    key: str,
    found: np.ndarray,
    wanted: np.ndarray,
    report: Report,
    most: int = _FEW_PIXELS,
) -> None:
    """At most a few pixels of masks or label maps may differ."""
    if found.shape != wanted.shape:
        report.fail(name, f"{key}: shape {found.shape} instead of {wanted.shape}")
        return
    different = int((found != wanted).sum())
    report.close(name, f"{key} (different pixels)", different, 0, absolute=most)


def _unpack(key: str, info: dict[str, Any], arrays: Arrays) -> np.ndarray:
    shape = info["arrays"][key]["shape"]
    return np.unpackbits(arrays[key])[: int(np.prod(shape))].reshape(shape).astype(bool)


def _numbered(arrays: Arrays, pattern: str) -> list[str]:
    """The keys of a pattern in the order of their numbers."""
    found = {int(match[1]): key for key in arrays if (match := re.fullmatch(pattern, key))}
    return [found[number] for number in sorted(found)]
