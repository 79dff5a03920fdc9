"""Ref-YouTube-VOS, Ref-DAVIS 2017, A2D-Sentences and JHMDB-Sentences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ltr.admin.errors import DataError
from ltr.data.json_io import read_json
from pytracking.analysis.evaluators import servers
from pytracking.analysis.evaluators.davis import davis_video
from pytracking.analysis.evaluators.masks import (
    UNSUPERVISED,
    report_extra_folders,
    resolve_rule,
    score,
    score_videos,
    with_truth,
)
from pytracking.analysis.evaluators.request import OFFICIAL, Request, no_ground_truth
from pytracking.analysis.mask_reports import davis_report, refdavis_report
from pytracking.analysis.mask_rules import expression
from pytracking.analysis.referring import evaluate_images
from pytracking.analysis.report import Report, Table, csv_table, undefined
from pytracking.analysis.truth_folder import (
    VideoTruth,
    annotation_root,
    list_masks,
    read_sequence_list,
)

_ANNOTATORS = 4
_OBJECTS_FILE = "expression_objects.json"


@dataclass(frozen=True)
class RefYouTubeVosSet:
    """One set of Ref-YouTube-VOS; the server alone has the official ground truth.

    Args:
        split: ``"valid"`` or ``"test"``.
    """

    split: str

    def __call__(self, request: Request) -> Report:
        """Score ``<video>/<expression>/<frame>.png`` against a folder with local ground truth.

        The folder holds ``Annotations/<video>/<frame>.png`` and ``expression_objects.json``:
        ``{"videos": {video: {expression: object id}}}``.
        """
        resolve_rule(request.rule, OFFICIAL, (OFFICIAL,))
        if request.ground_truth is None:
            raise no_ground_truth(request, servers.REFERRING)
        objects = _objects(request.ground_truth / _OBJECTS_FILE)
        entries = read_expressions(request.find_root("refytvos_dir"), self.split)
        frames = {name: entry["frames"] for name, entry in entries.items()}
        results = request.results / self.split
        results = results if results.is_dir() else request.results
        names = request.choose(sorted(frames))
        request = replace(request, results=results)
        videos = [_annotated(request.ground_truth, name, objects, frames) for name in names]
        report_extra_folders(request, videos)
        comparisons = [
            expression(video, results / video.name / label, label, object_id)
            for video in with_truth(request, videos)
            for label, object_id in objects[video.name].items()
        ]
        return davis_report(
            request.heading("Ref-YouTube-VOS"), score(request, comparisons), request.dataset
        )


def read_expressions(root: Path, split: str) -> dict[str, dict[str, Any]]:
    """Frames and expressions of each video; the valid file also lists the test videos.

    Raises:
        DataError: The file is missing or damaged.
    """
    folder = root / "meta_expressions"
    file, other = (folder / part / "meta_expressions.json" for part in (split, "test"))
    try:
        videos = read_json(file)["videos"]
        hidden = read_json(other)["videos"] if split == "valid" and other.is_file() else ()
        found = {name: entry for name, entry in videos.items() if name not in hidden}
        if not all({"frames", "expressions"} <= entry.keys() for entry in found.values()):
            raise KeyError("frames, expressions")
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{file} is damaged: {error!r}") from error
    return found


def _objects(file: Path) -> dict[str, dict[str, int]]:
    content: Any = read_json(file)
    try:
        return {
            video: {label: int(number) for label, number in entries.items()}
            for video, entries in content["videos"].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        expected = '{"videos": {<video>: {<expression>: <object id>}}}'
        raise DataError(f"{file} is damaged ({error!r}): expected {expected}") from error


def _annotated(
    truth: Path, name: str, objects: dict[str, dict[str, int]], frames: dict[str, list[str]]
) -> VideoTruth:
    """The listed frames of a video that have an annotation; none without known objects."""
    folder = annotation_root(truth) / name
    listed = set(frames[name]) if name in objects else set()
    return VideoTruth(name, folder, tuple(f for f in list_masks(folder) if f in listed))


def evaluate_refdavis(request: Request) -> Report:
    """Score ``anno_<k>/<video>/<frame>.png`` of the four annotators by the unsupervised rule."""
    resolve_rule(request.rule, OFFICIAL, (OFFICIAL,))
    root = request.find_root("davis_dir")
    listed = read_sequence_list(root / "ImageSets/2017/val.txt")
    truth = request.ground_truth or root
    videos = [
        davis_video(root, truth, name, "Annotations_unsupervised")
        for name in request.choose(listed)
    ]
    results = request.results / "valid"
    results = results if results.is_dir() else request.results
    annotators = []
    for number in range(_ANNOTATORS):
        folder = results / f"anno_{number}"
        annotators.append(score_videos(replace(request, results=folder), videos, UNSUPERVISED))
    return refdavis_report(request.heading("Ref-DAVIS17"), annotators)


@dataclass(frozen=True)
class SentenceSet:
    """A set of single frames with one object each.

    Args:
        variable: Path variable of its folder.
        file: Ground truth in COCO form.
    """

    variable: str
    file: str

    def __call__(self, request: Request) -> Report:
        """Score a list of predictions in COCO form."""
        resolve_rule(request.rule, OFFICIAL, (OFFICIAL,))
        truth = request.ground_truth or request.find_root(self.variable) / self.file
        results = read_json(request.result_file("results.json", "predictions.json"))
        if not isinstance(results, list):
            raise DataError(f"{request.results}: expected a list of predictions")
        scores = evaluate_images(read_json(truth), results, request.best_only)
        numbers = {name: undefined(value) for name, value in scores.table().items()}
        table = csv_table(list(numbers), [list(numbers.values())])
        rows = {name: (value,) for name, value in numbers.items()}
        return Report(
            request.heading("sentences"),
            (Table(("all",), rows, f"{len(scores.images)} images"),),
            scores.summary,
            numbers,
            {"global_results.csv": table},
        )


EVALUATORS = {
    "refytvos_valid": RefYouTubeVosSet("valid"),
    "refytvos_test": RefYouTubeVosSet("test"),
    "refdavis_val": evaluate_refdavis,
    "a2d_test": SentenceSet("a2d_dir", "a2d_sentences_test_annotations_in_coco_format.json"),
    "jhmdb": SentenceSet("jhmdb_dir", "jhmdb_sentences_gt_annotations_in_coco_format.json"),
}
