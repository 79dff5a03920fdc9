"""Reference cases of instances and sessions: YouTube-VIS, referring frames, interactive DAVIS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pytracking.analysis.protocols import youtubevis
from pytracking.analysis.protocols.interactive import (
    SequenceInfo,
    SessionLimits,
    read_report,
    score_masks,
    summarise_session,
)
from pytracking.analysis.protocols.referring import ImageScores, evaluate_boxes, evaluate_images
from tests.conformance.metrics_files import TOLERANCE, load
from tests.conformance.report import Report

_SOME_VIDEOS = re.compile(r"stats_videos_(\d+(?:_and_\d+)*)_only")


def ytvis(folder: Path, report: Report) -> None:
    """Average precision, recalls, curves and overlaps of video instances."""
    truth, results = load(folder / "gt.json"), load(folder / "results.json")
    scores = youtubevis.evaluate(truth, results)
    for key, wanted in load(folder / "expected.json").items():
        if key == "video_iou":
            _compare_overlaps(scores, wanted, report)
        elif key == "per_category":
            _compare_categories(scores.curves, wanted, report)
        elif key.startswith("precision_iou"):
            threshold = float(key.removeprefix("precision_iou").partition("_")[0])
            for category, curve in wanted.items():
                found = scores.curves.curve(int(category), threshold)
                report.close(f"ytvis {key}", category, found, np.array(curve), absolute=TOLERANCE)
        else:
            _compare_stats(key, truth, results, wanted, report)


def _compare_stats(
    key: str, truth: Any, results: Any, wanted: Mapping[str, float], report: Report
) -> None:
    if key == "stats":
        options: dict[str, Any] = {}
    elif key == "stats_class_agnostic":
        options = {"is_class_agnostic": True}
    elif match := _SOME_VIDEOS.fullmatch(key):
        options = {"videos": [int(number) for number in match.group(1).split("_and_")]}
    else:
        report.fail("ytvis", f"unknown value {key!r}")
        return
    found = youtubevis.evaluate(truth, results, **options).curves.summary()
    for name, value in wanted.items():
        report.close(f"ytvis {key}", name, found[name], value, absolute=TOLERANCE)


def _compare_overlaps(
    scores: youtubevis.VideoInstanceScores, wanted: list[Mapping[str, Any]], report: Report
) -> None:
    for entry in wanted:
        key = entry["video_id"], entry["category_id"]
        found = scores.overlaps[key]
        matrix = np.array(entry["iou_dt_sorted_by_score_x_gt"]).reshape(found.shape)
        report.close("ytvis video_iou", f"{key}", found, matrix, absolute=TOLERANCE)


def _recall_by_threshold(curves: Any, category: int) -> np.ndarray:
    """Recall at each overlap threshold, all areas, 100 detections."""
    place = curves.categories.index(category), curves.ranges.index("all")
    return curves.recall[:, place[0], place[1], -1]


def _compare_categories(curves: Any, wanted: Mapping[str, Any], report: Report) -> None:
    for name, entry in wanted.items():
        category = int(name)
        found = {
            "AP": curves.average_precision(category=category),
            "AP50": curves.average_precision(0.5, category=category),
            "AR_by_maxdet": [curves.average_recall(m, category=category) for m in (1, 10, 100)],
            "recall_by_iou_maxdet100": _recall_by_threshold(curves, category),
        }
        for key, value in entry.items():
            report.close(f"ytvis category {name}", key, found[key], value, absolute=TOLERANCE)


def refer(folder: Path, report: Report) -> None:
    """Masks and boxes of referring expressions in single frames."""
    truth, predictions = load(folder / "gt.json"), load(folder / "predictions.json")
    masks, boxes = evaluate_images(truth, predictions), evaluate_boxes(truth, predictions)
    for key, wanted in load(folder / "expected.json").items():
        if key == "per_image_iou_inter_union":
            _compare_images(masks, wanted, report)
        elif key in ("mask", "box"):
            _compare_numbers(f"refer {key}", masks if key == "mask" else boxes, wanted, report)
        else:
            report.fail("refer", f"unknown value {key!r}")


def _compare_numbers(
    case: str, scores: ImageScores, wanted: Mapping[str, Any], report: Report
) -> None:
    for threshold, value in wanted["P@"].items():
        found = scores.precision_at(float(threshold))
        report.close(case, f"P@{threshold}", found, value, absolute=TOLERANCE)
    for key in ("overall_iou", "mean_iou"):
        report.close(case, key, getattr(scores, key), wanted[key], absolute=TOLERANCE)
    if "coco" in wanted:
        found = scores.curves.summary().values()
        for (name, value), number in zip(wanted["coco"].items(), found, strict=True):
            report.close(case, name, number, value, absolute=TOLERANCE)


def _compare_images(scores: ImageScores, wanted: list[list[Any]], report: Report) -> None:
    places = {image: place for place, image in enumerate(scores.images)}
    report.equal("refer", "images", sorted(places), sorted(entry[0] for entry in wanted))
    for image, *values in wanted:
        place = places[image]
        found = [scores.iou[place], scores.intersection[place], scores.union[place]]
        report.close("refer image", image, found, values, absolute=TOLERANCE)


def interactive(folder: Path, report: Report) -> None:
    """Summaries of sessions, and J and F of label stacks."""
    for key, entries in load(folder / "expected.json").items():
        if key not in ("auc_cases", "batched"):
            report.fail("interactive", f"unknown value {key!r}")
            continue
        for entry in entries:
            (_session if key == "auc_cases" else _stack)(folder, entry, report)


def _session(folder: Path, entry: Mapping[str, Any], report: Report) -> None:
    case = f"interactive {entry['name']}"
    sequences = {
        name: SequenceInfo(info["num_objects"], info["num_scribbles"])
        for name, info in entry["sequences"].items()
    }
    limits = SessionLimits(entry["max_time_per_object"], entry["max_interactions"])
    rows = read_report(folder / entry["report"])
    scores = summarise_session(
        rows, sequences, limits, entry["metric"], float(entry["time_threshold"])
    )
    found, wanted = scores.as_json(), entry["summary"]
    report.close(case, "auc", found["auc"], wanted["auc"], absolute=TOLERANCE)
    for group in ("metric_at_threshold", "curve"):
        report.equal(case, f"{group} keys", sorted(found[group]), sorted(wanted[group]))
        for name, value in wanted[group].items():
            report.close(case, f"{group} {name}", found[group][name], value, absolute=TOLERANCE)


def _stack(folder: Path, entry: Mapping[str, Any], report: Report) -> None:
    arrays = np.load(folder / entry["file"])
    values = score_masks(arrays["y_true"], arrays["y_pred"], entry["nb_objects"])
    for measure, found in zip("JF", values, strict=True):
        case = f"interactive {entry['file']}"
        report.close(case, measure, found, np.array(entry[measure]), absolute=TOLERANCE)
        mean = found.mean(axis=1)
        wanted = np.array(entry[f"{measure}_mean"])
        report.close(case, f"{measure}_mean", mean, wanted, absolute=TOLERANCE)
