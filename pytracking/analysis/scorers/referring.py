"""Ref-YouTube-VOS, Ref-DAVIS 2017, A2D-Sentences and JHMDB-Sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ltr.admin.errors import DataError
from ltr.data.frame_files import list_masks
from ltr.data.json_io import read_json
from ltr.data.names import plain_name
from ltr.data.text_files import read_names
from ltr.dataset.referring.expressions import read_expressions
from pytracking.analysis.files.submission_check import RESULTS_FILE
from pytracking.analysis.files.truth_folder import VideoTruth, annotation_root
from pytracking.analysis.protocols.mask_rules import expression
from pytracking.analysis.protocols.referring import evaluate_boxes, evaluate_images
from pytracking.analysis.reports.masks import davis_report, refdavis_report
from pytracking.analysis.reports.report import Report, Table, csv_table, undefined
from pytracking.analysis.scorers import servers
from pytracking.analysis.scorers.davis import davis_video
from pytracking.analysis.scorers.masks import (
    UNSUPERVISED,
    report_extra_folders,
    resolve_rule,
    score,
    score_videos,
    with_truth,
)
from pytracking.analysis.scorers.request import OFFICIAL, Request, no_ground_truth

_ANNOTATORS = 4
_OBJECTS_FILE = "expression_objects.json"


def score_refytvos(request: Request, split: str) -> Report:
    """Score ``<video>/<expression>/<frame>.png`` against a folder with local ground truth.

    The folder holds ``Annotations/<video>/<frame>.png`` and ``expression_objects.json``:
    ``{"videos": {video: {expression: object id}}}``.

    Args:
        request: The evaluation.
        split: ``"valid"`` or ``"test"``.
    """
    resolve_rule(request.rule, OFFICIAL, (OFFICIAL,))
    ground_truth = request.ground_truth
    if ground_truth is None:
        raise no_ground_truth(request, servers.REFERRING)
    objects = _objects(ground_truth / _OBJECTS_FILE)
    entries = read_expressions(request.find_root("refytvos_dir"), split)
    frames = {name: entry.frames for name, entry in entries.items()}
    results = request.results / split
    results = results if results.is_dir() else request.results
    names = request.choose(sorted(frames))
    request = replace(request, results=results)
    videos = [_annotated(ground_truth, name, objects, frames) for name in names]
    report_extra_folders(request, videos)
    comparisons = [
        expression(video, results / video.name / label, label, object_id)
        for video in with_truth(request, videos)
        for label, object_id in objects[video.name].items()
    ]
    return davis_report(
        request.heading("Ref-YouTube-VOS"), score(request, comparisons), request.dataset
    )


def _objects(file: Path) -> dict[str, dict[str, int]]:
    content: Any = read_json(file)
    try:
        return {
            plain_name(video, file): {
                plain_name(label, file): int(number) for label, number in entries.items()
            }
            for video, entries in content["videos"].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        expected = '{"videos": {<video>: {<expression>: <object id>}}}'
        raise DataError(f"{file} is damaged ({error!r}): expected {expected}") from error


def _annotated(
    truth: Path, name: str, objects: dict[str, dict[str, int]], frames: dict[str, tuple[str, ...]]
) -> VideoTruth:
    """The listed frames of a video that have an annotation; none without known objects."""
    folder = annotation_root(truth) / name
    listed = set(frames[name]) if name in objects else set()
    return VideoTruth(name, folder, tuple(f for f in list_masks(folder) if f in listed))


def score_refdavis(request: Request) -> Report:
    """Score the masks for the sentences of the four annotators by the unsupervised rule.

    They lie in ``anno_<k>/<video>/``, as upstream has it, or in ``<video>/anno_<k>/``.
    """
    resolve_rule(request.rule, OFFICIAL, (OFFICIAL,))
    root = request.find_root("davis_dir")
    listed = read_names(root / "ImageSets/2017/val.txt", "the list of sequences")
    truth = request.ground_truth or root
    videos = [
        davis_video(root, truth, name, "Annotations_unsupervised")
        for name in request.choose(listed)
    ]
    results = request.results / "valid"
    results = results if results.is_dir() else request.results
    upstream = (results / "anno_0").is_dir()
    annotators = []
    for number in range(_ANNOTATORS):
        annotator = f"anno_{number}"
        folder, part = (results / annotator, "") if upstream else (results, annotator)
        own = replace(request, results=folder)
        annotators.append(score_videos(own, videos, UNSUPERVISED, part=part))
    return refdavis_report(request.heading("Ref-DAVIS17"), annotators)


def score_sentences(request: Request, variable: str, file: str) -> Report:
    """Score a list of predictions in COCO form.

    Args:
        request: The evaluation.
        variable: Path variable of its folder.
        file: Ground truth in COCO form.
    """
    truth, results = _read_single_frames(request, variable, file)
    scores = evaluate_images(truth, results, request.best_only)
    return _report(request, scores.table(), len(scores.images), scores.summary)


def score_pictures(request: Request, variable: str, file: str) -> Report:
    """Score boxes and masks of single pictures (RefCOCO, RefCOCO+, RefCOCOg).

    REC is the precision of the boxes at an overlap of 0.5, RIS the overall overlap of the masks;
    arguments as ``score_sentences``.
    """
    truth, results = _read_single_frames(request, variable, file)
    boxes = evaluate_boxes(truth, results, request.best_only)
    masks = evaluate_images(truth, results, request.best_only)
    numbers = {
        f"{kind} {name}": value
        for kind, scores in (("bbox", boxes), ("segm", masks))
        for name, value in scores.table(with_recall=True).items()
    }
    rec, ris = 100 * boxes.precision_at(0.5), 100 * masks.overall_iou
    return _report(request, numbers, len(masks.images), f"REC={rec:.1f} RIS={ris:.1f}")


def _report(request: Request, scores: Mapping[str, float], images: int, summary: str) -> Report:
    numbers = {name: undefined(value) for name, value in scores.items()}
    table = csv_table(list(numbers), [list(numbers.values())])
    rows = {name: (value,) for name, value in numbers.items()}
    return Report(
        request.heading("sentences"),
        (Table(("all",), rows, f"{images} images"),),
        summary,
        numbers,
        {"global_results.csv": table},
    )


def _read_single_frames(request: Request, variable: str, file: str) -> tuple[Any, list[Any]]:
    """The ground truth and the predictions, which only the official rule can score."""
    resolve_rule(request.rule, OFFICIAL, (OFFICIAL,))
    truth = request.ground_truth or request.find_root(variable) / file
    results = read_json(request.result_file(RESULTS_FILE, "predictions.json"))
    if not isinstance(results, list):
        raise DataError(f"{request.results}: expected a list of predictions")
    return read_json(truth), results
