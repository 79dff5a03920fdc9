"""Reference cases of masks: pairs, statistics, DAVIS, pytracking's evaluator, YouTube-VOS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ltr.data.mask_metrics.boundary import crop_to_objects, tolerance_radius, trace
from ltr.data.mask_metrics.frame_pair import boundary_f
from ltr.data.mask_metrics.region import jaccard
from pytracking.analysis.files.mask_evaluation import evaluate_masks
from pytracking.analysis.files.mask_reader import read_labels
from pytracking.analysis.metrics.matching import match_proposals
from pytracking.analysis.metrics.scores import Scores
from pytracking.analysis.metrics.statistics import Statistics, summarise
from pytracking.analysis.protocols.davis import proposal_table
from pytracking.analysis.protocols.mask_rules import (
    after_start,
    davis_semi_supervised,
    davis_unsupervised,
)
from pytracking.analysis.protocols.youtubevos import group_scores
from pytracking.analysis.reports.masks import davis_csv, pytracking_csv
from tests.conformance.metrics_files import TOLERANCE, load, truth_folder, video
from tests.conformance.report import Report

_DECAY_LIMIT = 256  # upstream's decay of longer videos is not a number
_SUMMARY = {"M": "mean", "R": "recall", "D": "decay"}
_CSV_SET = "val"
_ONE_MEASURE = {"summary_J_only": "J", "summary_F_only": "F"}


def pairs(folder: Path, report: Report) -> None:
    """J, F at several tolerances, radius and boundary pixels of pairs of masks."""
    for name, expected in load(folder / "expected.json").items():
        kinds = ("gt", "pred", "void") if expected["void"] else ("gt", "pred")
        masks = [read_labels(folder / f"{name}_{kind}.png") > 0 for kind in kinds]
        for key, wanted in expected.items():
            if key == "void":
                continue
            found = _pair_value(key, *masks)
            if found is None:
                report.fail(f"pairs/{name}", f"unknown value {key!r}")
            else:
                report.close(f"pairs/{name}", key, found, wanted, absolute=TOLERANCE)


def _pair_value(
    key: str, truth: np.ndarray, predicted: np.ndarray, void: np.ndarray | None = None
) -> Any:
    if key == "size":
        return truth.shape
    if key == "radius":
        return tolerance_radius(truth.shape)
    if key in ("J", "J_pytracking"):
        return jaccard(predicted, truth, void)
    if key in ("F", "F_pytracking"):
        return boundary_f(predicted, truth, void)
    if key.startswith("F_th_"):
        return boundary_f(predicted, truth, void, float(key.removeprefix("F_th_")))
    if key in ("n_boundary_gt", "n_boundary_pred"):
        mask = predicted if key == "n_boundary_pred" else truth
        return _boundary_size(mask if void is None else mask & ~void)
    return None


def _boundary_size(mask: np.ndarray) -> int:
    """Number of boundary pixels of a mask, bool (H, W)."""
    if not mask.any():
        return 0
    outline = trace(crop_to_objects(mask.view(np.uint8)), [1], radius=1)[0]
    return outline.size if outline else 0


def statistics(expected: Sequence[Mapping[str, Any]], report: Report) -> None:
    """Mean, recall and decay of lists of values."""
    for position, entry in enumerate(expected):
        name = f"statistics {position} (n={entry['n']})"
        found = summarise(np.array(entry["values"], dtype=np.float64))
        for key in ("mean", "recall", "decay"):
            if key == "decay" and entry["n"] > _DECAY_LIMIT:
                is_number = bool(np.isfinite(found.decay))
                report.equal(name, "decay is a number", is_number, True)
            else:
                report.close(name, key, getattr(found, key), entry[key], absolute=TOLERANCE)


def davis(name: str, case: Path, report: Report) -> None:
    """One case of DAVIS, by the rules of its task."""
    expected = load(case / "expected.json")
    task = expected["task"]
    compare, keys = {
        "semi-supervised": (_semi_supervised, {"per_frame"}),
        "unsupervised": (_unsupervised, {"detail", *_ONE_MEASURE}),
    }[task]
    for key in expected.keys() - keys - {"task", "note", "J&F", "summary"}:
        report.fail(name, f"unknown value {key!r}")
    compare(name, case, expected, report)


def _semi_supervised(name: str, case: Path, expected: Mapping[str, Any], report: Report) -> None:
    truth = truth_folder(case, expected)
    sequences = expected["per_frame"]
    comparisons = [davis_semi_supervised(video(truth, s), case / "pred" / s) for s in sequences]
    parts = evaluate_masks(comparisons, quiet=True)
    for comparison, part, wanted in zip(comparisons, parts, sequences.values(), strict=True):
        frames = list(comparison.frames)
        report.equal(name, f"{comparison.video.name} frames", frames, wanted["frames"])
        _compare_frames(f"{name} {comparison.video.name}", part, wanted, report)
    _compare_davis(name, case, Scores.join(parts), expected, report)


def _unsupervised(name: str, case: Path, expected: Mapping[str, Any], report: Report) -> None:
    truth = truth_folder(case, expected)
    sequences = {s: video(truth, s) for s in expected["detail"]}

    def scores_by(measures: str) -> list[Scores]:
        rule = [
            davis_unsupervised(annotated, case / "pred" / s, measures)
            for s, annotated in sequences.items()
        ]
        return evaluate_masks(rule, quiet=True)

    parts = scores_by("JF")
    for (s, wanted), part in zip(expected["detail"].items(), parts, strict=True):
        _compare_frames(f"{name} {s}", part, wanted, report)
        report.equal(f"{name} {s}", "frames", list(sequences[s].frames), wanted["frames"])
        _compare_matching(f"{name} {s}", sequences[s], case / "pred" / s, wanted, report)
    _compare_davis(name, case, Scores.join(parts), expected, report)
    for key, measure in _ONE_MEASURE.items():
        if key in expected:
            joined = Scores.join(scores_by(measure))
            _compare_summary(f"{name} {key}", joined, expected[key], report)


def _compare_matching(
    case: str, annotated: Any, results: Path, wanted: Mapping[str, Any], report: Report
) -> None:
    comparison = davis_unsupervised(annotated, results)
    table = proposal_table(
        [
            comparison.compare(annotated.read(frame), read_labels(results / f"{frame}.png"))
            for frame in annotated.frames
        ]
    ).mean(axis=-1)
    proposals, objects = match_proposals(table.mean(axis=0))
    report.equal(case, "n_objects", table.shape[2], wanted["n_objects"])
    most = max(wanted["n_proposals"], wanted["n_objects"])
    report.equal(case, "proposals", table.shape[1], most)
    for index, measure in enumerate("JF"):
        matrix = np.array(wanted[f"{measure}_matrix_proposal_x_object"])
        report.close(case, f"{measure} matrix", table[index], matrix, absolute=TOLERANCE)
    report.equal(
        case, "proposals matched", proposals.tolist(), wanted["matched_proposal_row0based"]
    )
    report.equal(case, "objects matched", objects.tolist(), wanted["matched_object_col0based"])


def pytracking_eval(folder: Path, report: Report) -> None:
    """The rule of pytracking, and the local rule of YouTube-VOS on the same masks."""
    meta = load(folder / "meta.json")["videos"]
    objects = {name: entry["objects"] for name, entry in meta.items()}
    sequences = [
        video(folder / "gt", name, {int(key): o["frames"][0] for key, o in entry.items()})
        for name, entry in objects.items()
    ]
    scores = _after_start(folder, sequences, with_last_frame=False)
    for measure, wanted in load(folder / "expected.json").items():
        _compare_targets(f"pytracking_eval {measure}", measure, scores, wanted, report)
    _compare_csv("pytracking_eval", folder, pytracking_csv(scores, "mini"), report)
    if (folder / "youtubevos_score.json").exists():
        scores = _after_start(folder, sequences, with_last_frame=True)
        _compare_youtubevos(scores, objects, load(folder / "youtubevos_score.json"), report)


def _after_start(folder: Path, sequences: Sequence[Any], with_last_frame: bool) -> Scores:
    comparisons = [after_start(v, folder / "pred" / v.name, with_last_frame) for v in sequences]
    return Scores.join(evaluate_masks(comparisons, quiet=True))


def _compare_targets(
    case: str, measure: str, scores: Scores, wanted: Mapping[str, Any], report: Report
) -> None:
    report.equal(case, "targets", [item.name for item in scores.objects], wanted["targets"])
    summaries = [_statistics(item, measure) for item in scores.objects]
    for key in Statistics._fields:
        found = [getattr(summary, key) for summary in summaries]
        report.close(case, key, found, wanted[key], absolute=TOLERANCE)
    for key in ("mean", "recall", "decay"):
        found = getattr(_statistics(scores, measure), key)
        report.close(case, f"dataset_{key}", found, wanted[f"dataset_{key}"], absolute=TOLERANCE)
    for item in scores.objects:
        raw = np.array(wanted["raw"][item.sequence][item.label], dtype=np.float64)
        report.close(case, f"{item.name} raw", _values(item, measure), raw, absolute=TOLERANCE)


def _compare_youtubevos(
    scores: Scores, objects: Mapping[str, Any], expected: Mapping[str, Any], report: Report
) -> None:
    case = "youtubevos_score"
    categories = {
        (name, key): item["category"]
        for name, entry in objects.items()
        for key, item in entry.items()
    }
    groups = group_scores(scores, categories, expected["seen_categories"])
    found = {
        "J_seen": groups.j_seen,
        "J_unseen": groups.j_unseen,
        "F_seen": groups.f_seen,
        "F_unseen": groups.f_unseen,
        "G": groups.overall,
    }
    for key, wanted in expected["score"].items():
        report.close(case, key, found[key], wanted, absolute=TOLERANCE)
    by_name = {item.name: item for item in scores.objects}
    for name, wanted in expected["per_object"].items():
        item = by_name[name]
        category = categories[item.sequence, item.label]
        group = "seen" if category in expected["seen_categories"] else "unseen"
        report.equal(
            case, f"{name} group", (category, group), (wanted["category"], wanted["group"])
        )
        report.equal(case, f"{name} frames", int(np.isfinite(item.j).sum()), wanted["n_frames"])
        for measure in "JF":
            value = _statistics(item, measure).mean
            report.close(case, f"{name} {measure}", value, wanted[measure], absolute=TOLERANCE)


def _compare_frames(case: str, scores: Scores, wanted: Mapping[str, Any], report: Report) -> None:
    for measure in "JF":
        found = np.stack([_values(item, measure) for item in scores.objects])
        report.close(case, measure, found, np.array(wanted[measure]), absolute=TOLERANCE)


def _compare_davis(
    name: str, case: Path, scores: Scores, expected: Mapping[str, Any], report: Report
) -> None:
    report.close(name, "J&F", scores.j_and_f, expected["J&F"], absolute=TOLERANCE)
    _compare_summary(name, scores, expected["summary"], report)
    _compare_csv(name, case, davis_csv(scores, _CSV_SET), report)


def _compare_summary(
    case: str, scores: Scores, expected: Mapping[str, Any], report: Report
) -> None:
    for measure, wanted in expected.items():
        names = [item.name for item in scores.objects]
        report.equal(case, f"{measure} objects", names, list(wanted["per_object"]))
        entries = {"all": (scores, wanted)} | {
            item.name: (item, wanted["per_object"][item.name]) for item in scores.objects
        }
        for name, (owner, values) in entries.items():
            found = [getattr(_statistics(owner, measure), _SUMMARY[key]) for key in "MRD"]
            want = [values[key] for key in "MRD"]
            report.close(case, f"{measure} of {name}", found, want, absolute=TOLERANCE)


def _compare_csv(case: str, folder: Path, files: Mapping[str, str], report: Report) -> None:
    for name, text in files.items():
        wanted = (folder / name).read_text(encoding="utf-8")
        report.equal(case, name, text, wanted)


def _statistics(owner: Any, measure: str) -> Statistics:
    """Of an object, or of all of them."""
    name = measure.lower()
    return (
        getattr(owner, name) if isinstance(owner, Scores) else getattr(owner, f"{name}_statistics")
    )


def _values(item: Any, measure: str) -> np.ndarray:
    return getattr(item, measure.lower())
