"""Reference cases of the rules around the network: input, reductions, metric."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.data.rle import encode
from ltr.models.propose_reduce.boxes import inclusive
from ltr.models.propose_reduce.image_input import network_size, normalise_and_pad, resize_image
from pytracking.analysis.protocols import youtubevis
from pytracking.tracker.propose_reduce.key_frames import without_overlap
from pytracking.tracker.propose_reduce.parameters import ReductionSettings
from pytracking.tracker.propose_reduce.reduction import (
    sequence_nms,
    soft_class_aware_reduction,
    soft_sequence_nms,
)
from pytracking.tracker.propose_reduce.sequences import mask_boxes
from pytracking.utils.mask_overlaps import video_overlaps
from tests.conformance.propose_reduce_files import Case
from tests.conformance.report import Report

_EXACT = 1e-6
_GREY_LEVEL = 2e-2
_STEP = 3
_HARD = re.compile(r"nms_s([\d.]+)_i([\d.]+)")
_SOFT = re.compile(r"soft_s([\d.]+)_i([\d.]+)_n(\d+)_ids")
_BY_CLASS = re.compile(r"ca_scores(?:_n(\d+)_s([\d.]+))?")


def run_inputs(path: Path, report: Report) -> None:
    """Compare size and pixels of prepared images."""
    case = Case("preprocess", path, report)
    for prefix in sorted(key.removesuffix("_bgr") for key in case.arrays if key.endswith("_bgr")):
        image = np.ascontiguousarray(case.take(f"{prefix}_bgr")[..., ::-1])
        scale = case.take(f"{prefix}_scale").tolist()
        size, factor = network_size(image.shape, scale)
        report.equal("preprocess", f"{prefix}_img_shape", [*size, 3], _list(case, prefix, "img"))
        want = float(case.take(f"{prefix}_scale_factor"))
        report.close("preprocess", f"{prefix}_scale_factor", factor, want, absolute=_EXACT)
        padded = _prepared(image, scale)
        shape = [*padded.shape[1:], 3]
        report.equal("preprocess", f"{prefix}_pad_shape", shape, _list(case, prefix, "pad"))
        for ending, pixels in (("out", padded), ("out_flip", _prepared(image[:, ::-1], scale))):
            want = case.take(f"{prefix}_{ending}")
            thin = pixels[:, ::_STEP, ::_STEP]
            report.close("preprocess", f"{prefix}_{ending}", thin, want, absolute=_GREY_LEVEL)
        case.arrays[f"{prefix}_all_stats"] = case.take(f"{prefix}_stats")
        case.compare(f"{prefix}_all", padded, relative=1e-3)
    case.finish()


def _list(case: Case, prefix: str, kind: str) -> list[int]:
    return case.take(f"{prefix}_{kind}_shape").tolist()


def _prepared(image: np.ndarray, scale: list[int]) -> torch.Tensor:
    resized = resize_image(np.ascontiguousarray(image), scale)
    return normalise_and_pad(torch.from_numpy(resized).permute(2, 0, 1)[None])[0]


def run_reductions(name: str, folder: Path, entry: Mapping[str, Any], report: Report) -> None:
    """Compare the reductions of synthetic sequences."""
    case = Case(name, folder / f"{name}.npz", report)
    masks, scores = case.take("masks"), case.take("scores")
    sequences = [[encode(mask) for mask in sequence] for sequence in masks]
    overlaps = video_overlaps(sequences, sequences)
    report.close(name, "iou", overlaps, case.take("iou"), absolute=_EXACT)
    best = scores[:, 1:].max(axis=1)
    for key in sorted(case.arrays):
        if match := _HARD.fullmatch(key):
            found = sequence_nms(best, overlaps, float(match[1]), float(match[2]))
            report.equal(name, key, found, case.take(key))
        elif match := _SOFT.fullmatch(key):
            settings = ReductionSettings(
                float(match[1]), sigma=float(match[2]), max_instances=int(match[3])
            )
            ids, lowered = soft_sequence_nms(best, overlaps, settings)
            report.equal(name, key, ids, case.take(key))
            other = key.replace("_ids", "_scores")
            report.close(name, other, lowered, case.take(other), absolute=_EXACT)
    _compare_by_class(case, scores, overlaps)
    last = torch.from_numpy(masks[:, -1]).float()
    kept = without_overlap(last)
    report.equal(name, "masknms_keep", kept.numpy(), last.numpy()[case.take("masknms_keep")])
    boxes = inclusive(mask_boxes(last > 0)).int().numpy()
    report.equal(name, "mask2box", boxes, case.take("mask2box"))
    case.finish()


def _compare_by_class(case: Case, scores: np.ndarray, overlaps: np.ndarray) -> None:
    kept = sequence_nms(scores[:, 1:].max(axis=1), overlaps, 0.05, 0.9)
    case.report.equal(case.name, "ca_ids", kept, case.take("ca_ids"))
    for key in sorted(case.arrays):
        if match := _BY_CLASS.fullmatch(key):
            settings = ReductionSettings(
                float(match[2] or 0.001), max_instances=int(match[1] or 100)
            )
            found = soft_class_aware_reduction(scores[kept], overlaps[np.ix_(kept, kept)], settings)
            case.report.close(case.name, key, found, case.take(key), absolute=_EXACT)


def run_metric(name: str, folder: Path, entry: Mapping[str, Any], report: Report) -> None:
    """Compare average precision and recall."""
    truth, results, wanted = (
        json.loads((folder / f"{name}_{part}.json").read_text())
        for part in ("gt", "results", "expected")
    )
    curves = youtubevis.evaluate(truth, results).curves
    by_class = [curves.average_precision(category=category) for category in curves.categories]
    found = {"stats": list(curves.summary().values()), "per_class_AP": by_class}
    for key, value in wanted.items():
        if key in found:
            report.close(name, key, found[key], value, absolute=_EXACT)
        elif key != "names":
            report.fail(name, f"unknown value {key!r}")
