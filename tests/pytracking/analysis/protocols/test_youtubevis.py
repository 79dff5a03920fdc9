"""Average precision of videos and sentences, sessions, boxes."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ltr.admin.errors import DataError
from ltr.data.rle import as_rle, count_pixels
from pytracking.analysis.metrics.average_precision import precision_recall
from pytracking.analysis.protocols import youtubevis
from pytracking.analysis.protocols.boxes import box_curves, box_errors, mean_curves
from pytracking.analysis.protocols.interactive import (
    ReportRow,
    SequenceInfo,
    SessionLimits,
    read_report,
    score_masks,
    summarise_session,
)
from pytracking.analysis.protocols.referring import ImageScores, evaluate_boxes, evaluate_images
from pytracking.utils.mask_overlaps import areas, intersections

_SIZE = (20, 30)


def _rle(top: int, left: int, height: int = 6, width: int = 8) -> dict:
    mask = np.zeros(_SIZE, np.uint8)
    mask[top : top + height, left : left + width] = 1
    encoded = coco.encode(np.asfortranarray(mask))
    return {"size": list(_SIZE), "counts": encoded["counts"].decode()}


def _truth() -> dict:
    """Two videos of three frames, three objects, two categories; one is absent once."""
    annotations = [
        (1, 1, 1, [_rle(0, 0), _rle(1, 1), _rle(2, 2)]),
        (2, 1, 2, [_rle(10, 15), None, _rle(12, 15)]),
        (3, 2, 1, [_rle(5, 5), _rle(5, 6), _rle(5, 7)]),
    ]
    return {
        "videos": [{"id": i, "height": _SIZE[0], "width": _SIZE[1], "length": 3} for i in (1, 2)],
        "categories": [
            {"id": 1, "name": "dog"},
            {"id": 2, "name": "cat"},
            {"id": 3, "name": "cow"},
        ],
        "annotations": [
            {
                "id": number,
                "video_id": video,
                "category_id": category,
                "iscrowd": 0,
                "areas": [None if mask is None else 48 for mask in masks],
                "segmentations": masks,
            }
            for number, video, category, masks in annotations
        ],
    }


def _perfect() -> list[dict]:
    return [
        {
            "video_id": entry["video_id"],
            "category_id": entry["category_id"],
            "score": 0.5 + 0.1 * entry["id"],
            "segmentations": entry["segmentations"],
        }
        for entry in _truth()["annotations"]
    ]


def test_perfect_instances():
    scores = youtubevis.evaluate(_truth(), _perfect())
    assert scores.summary == "AP=100.0 AP50=100.0 AP75=100.0 AR1=100.0 AR10=100.0"
    numbers = scores.curves.summary()
    assert numbers["APs"] == pytest.approx(1.0)
    assert numbers["APm"] == numbers["APl"] == -1.0
    assert scores.curves.average_precision(category=3) == -1.0, "no ground truth"


def test_absent_frames_are_empty_masks():
    results = _perfect()
    results[1]["segmentations"][1] = _rle(0, 0)
    overlap = youtubevis.evaluate(_truth(), results).overlaps[1, 2]
    assert overlap[0, 0] == pytest.approx(2 / 3)


def test_a_false_positive_with_a_high_score_costs_precision():
    wrong = {**_perfect()[0], "score": 0.99, "segmentations": [_rle(14, 20)] * 3}
    below = {**wrong, "score": 0.01}
    high = youtubevis.evaluate(_truth(), [*_perfect(), wrong]).curves
    low = youtubevis.evaluate(_truth(), [*_perfect(), below]).curves
    assert high.average_precision(category=1) == pytest.approx(2 / 3, abs=0.01)
    assert low.average_precision(category=1) == pytest.approx(1.0)


def test_some_videos_only_and_all_categories_as_one():
    only_second = youtubevis.evaluate(_truth(), _perfect(), videos={2})
    assert set(only_second.overlaps) == {(2, 1)}
    swapped = [{**entry, "category_id": 3 - entry["category_id"]} for entry in _perfect()]
    assert youtubevis.evaluate(_truth(), swapped).curves.average_precision() == 0.0
    pooled = youtubevis.evaluate(_truth(), swapped, is_class_agnostic=True)
    assert pooled.curves.average_precision() == pytest.approx(1.0)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(3)), st.permutations(range(3)))
def test_the_order_of_the_files_does_not_matter(order, truth_order):
    truth = _truth()
    truth["annotations"] = [truth["annotations"][i] for i in truth_order]
    results = [_perfect()[i] for i in order]
    results[0] = {**results[0], "segmentations": [_rle(3, 3)] * 3}
    moved = order[0]
    expected = _perfect()
    expected[moved] = results[0]
    scores = youtubevis.evaluate(truth, results).curves.summary()
    assert scores == youtubevis.evaluate(_truth(), expected).curves.summary()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"video_id": 9}, "result 0: there is no video 9"),
        ({"segmentations": [{"size": [3, 3], "counts": "1"}]}, r"the mask is \[3, 3\]"),
        ({"segmentations": [{"size": [20, 30], "counts": "o"}]}, "are damaged"),
        ({"segmentations": [{"size": [20, 30], "counts": "\x01"}]}, "are damaged"),
        ({"segmentations": ["text"]}, "expected run lengths or polygons"),
        ({"segmentations": 5}, "result 0 is damaged"),
        ({"score": "high"}, "result 0 is damaged"),
        ({"category_id": "1"}, "result 0: the category is '1'"),
        ({"category_id": [1]}, "result 0: the category is"),
        ({"video_id": [1]}, "result 0 is damaged"),
    ],
)
def test_damaged_results_are_named(change, message):
    with pytest.raises(DataError, match=message):
        youtubevis.evaluate(_truth(), [{**_perfect()[0], **change}])


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("annotations", {"id": "x"}, "annotation 0 is damaged"),
        ("annotations", {"category_id": None}, "annotation 0: the category is None"),
        ("videos", {"id": {}}, "the ground truth is damaged"),
        ("videos", {"height": "20"}, "a frame cannot be '20' x"),
        ("categories", {"id": "cat"}, "the ground truth is damaged"),
    ],
)
def test_damaged_ground_truth_is_named(part, change, message):
    truth = copy.deepcopy(_truth())
    truth[part][0].update(change)
    with pytest.raises(DataError, match=message):
        youtubevis.evaluate(truth, _perfect())


def test_what_the_official_rule_scores_oddly_is_told(caplog):
    youtubevis.evaluate(_truth(), _perfect())
    assert not caplog.records
    truth, results = _truth(), _perfect()
    truth["annotations"][0]["id"] = 0
    truth["annotations"][1]["category_id"] = 77
    results[0]["segmentations"].pop()
    youtubevis.evaluate(truth, results)
    assert "annotations of unknown categories are left out: [77]" in caplog.text
    assert "annotations have the id 0 or share an id" in caplog.text
    assert "1 results have more or fewer masks than their video has frames" in caplog.text


def test_a_file_without_annotations_is_named():
    with pytest.raises(DataError, match="no list 'annotations'"):
        youtubevis.evaluate({**_truth(), "annotations": None}, _perfect())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1), st.integers(1, 40), st.integers(1, 40))
def test_run_lengths(seed, share, height, width):
    generator = np.random.default_rng(seed)
    first, second = generator.random((2, height, width)) < share
    codes = [coco.encode(np.asfortranarray(mask, dtype=np.uint8)) for mask in (first, second)]
    assert [count_pixels(code) for code in codes] == [height * width] * 2
    assert areas(codes).tolist() == [first.sum(), second.sum()]
    assert intersections(codes[:1], codes[1:]).tolist() == [[(first & second).sum()]]


def test_polygons_and_uncompressed_runs():
    polygon = as_rle([[1, 1, 5, 1, 5, 4, 1, 4]], *_SIZE)
    assert areas([polygon]).tolist() == [12]
    assert areas([as_rle({"size": [2, 2], "counts": [1, 2, 1]}, 2, 2)]).tolist() == [2]
    assert as_rle(None, 2, 2) is None
    with pytest.raises(DataError, match="expected"):
        as_rle([[1, 1, 5]], *_SIZE)


def _images() -> tuple[dict, list[dict]]:
    truth = {
        "images": [{"id": i, "height": _SIZE[0], "width": _SIZE[1]} for i in ("a", "b")],
        "annotations": [
            {
                "id": n, "image_id": i, "category_id": 1, "iscrowd": 0, "area": 48,
                "bbox": [n, n, 8, 6], "segmentation": _rle(n, n),
            }
            for n, i in ((1, "a"), (2, "b"))
        ],
    }  # fmt: skip
    predictions = [
        {"image_id": i, "category_id": 1, "score": s, "segmentation": _rle(n, x), "bbox": box}
        for i, s, n, x, box in (
            ("a", 0.9, 1, 1, [1, 1, 9, 7]),
            ("b", 0.9, 2, 2, [2, 2, 10, 8]),
            ("b", 0.9, 12, 20, [12, 12, 20, 18]),
        )
    ]
    return truth, predictions


def test_the_last_of_equal_scores_is_taken():
    truth, predictions = _images()
    scores = evaluate_images(truth, predictions)
    assert scores.intersection.tolist() == [48, 0]
    assert scores.mean_iou == pytest.approx(0.5, abs=1e-6)
    assert scores.overall_iou == pytest.approx(48 / (48 + 96))
    assert scores.precision_at(0.9) == 0.5
    assert evaluate_boxes(truth, predictions).intersection.tolist() == [48.0, 0.0]
    assert evaluate_images(truth, predictions[:2]).summary == "mAP=100.0 oIoU=100.0 mIoU=100.0"


@pytest.mark.parametrize("is_crowd", [0, 1])
def test_average_precision_of_boxes_is_that_of_pycocotools(is_crowd):
    """COCO's twelve numbers without categories, over boxes of every size around 30 objects."""
    rng = np.random.default_rng(0)
    truth: dict = {"images": [], "annotations": [], "categories": [{"id": 1}]}
    predictions, official = [], []
    for n in range(30):
        x, y, w, h = (float(v) for v in rng.uniform((0, 0, 10, 10), (200, 200, 150, 150)))
        truth["images"].append({"id": n, "height": 400, "width": 400})
        truth["annotations"].append(
            {"id": n + 1, "image_id": n, "category_id": 1, "iscrowd": is_crowd * int(n % 5 == 0),
             "area": 0.7 * w * h, "bbox": [x, y, w, h]}
        )  # fmt: skip
        for _ in range(4):
            dx, dy, dw, dh = (float(v) for v in rng.normal(0, 8, 4))
            box, score = [x + dx, y + dy, max(w + dw, 1), max(h + dh, 1)], float(rng.random())
            official.append({"image_id": n, "category_id": 1, "bbox": box, "score": score})
            corners = [box[0], box[1], box[0] + box[2], box[1] + box[3]]
            predictions.append({"image_id": n, "bbox": corners, "score": score})
    coco = COCO()
    coco.dataset = copy.deepcopy(truth)
    coco.createIndex()
    evaluation = COCOeval(coco, coco.loadRes(official), "bbox")
    evaluation.params.useCats = 0
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    scores = evaluate_boxes(truth, predictions)
    numbers = list(scores.table(with_recall=True).values())[:12]
    assert numbers == pytest.approx(evaluation.stats.tolist(), abs=1e-9)
    assert 0.1 < numbers[0] < 0.9
    best = evaluate_boxes(truth, predictions, best_only=True).curves
    assert best.average_recall(100) < scores.curves.average_recall(100)


def test_average_precision_sees_all_predictions_or_the_best():
    truth, predictions = _images()
    everything = evaluate_images(truth, predictions).curves.average_recall(100)
    best = evaluate_images(truth, predictions, best_only=True).curves.average_recall(100)
    assert (everything, best) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t, p: p.pop(0), "1 images have no prediction, 'a' is the first"),
        (lambda t, p: p.append(p[0] | {"image_id": "z"}), "there is no image 'z'"),
        (lambda t, p: p.append({"image_id": "a"}), "lacks image_id, score or segm"),
        (lambda t, p: p[0].pop("segmentation"), "prediction 0 lacks image_id, score or segm"),
        (lambda t, p: p[0].update(segmentation=None), "a prediction for a has no mask"),
        (lambda t, p: p[0].update(score=None), "prediction 0: the score None is not a finite"),
        (lambda t, p: t["annotations"].pop(), "one annotation for each image"),
        (lambda t, p: p[0].update(image_id={}), "prediction 0: there is no image {}"),
        (lambda t, p: p[0].update(segmentation={"size": 3, "counts": "1"}), "the mask is 3"),
        (lambda t, p: t.pop("images"), "a COCO file"),
        (lambda t, p: t["images"][0].update(id=[]), "a COCO file"),
        (lambda t, p: t["annotations"][0].update(area="large"), "a COCO file"),
    ],
)
def test_images_that_do_not_fit_are_named(change, message):
    truth, predictions = copy.deepcopy(_images())
    change(truth, predictions)
    with pytest.raises(DataError, match=message):
        evaluate_images(truth, predictions)


def _rows(values: dict[tuple[int, int], float], seconds: float = 10.0) -> list[ReportRow]:
    return [
        ReportRow("dog", 1, interaction, object_id, frame, value, value, seconds)
        for (interaction, object_id), value in values.items()
        for frame in range(2)
    ]


def test_a_session_without_missing_interactions():
    rows = _rows({(1, 1): 0.5, (2, 1): 0.7})
    scores = summarise_session(rows, {"dog": SequenceInfo(1, 1)}, SessionLimits(40), threshold=15)
    assert scores.time.tolist() == [0, 10, 20, 40]
    assert scores.curve.tolist() == pytest.approx([0, 0.5, 0.7, 0.7])
    assert scores.at_threshold == pytest.approx(0.6)
    assert scores.auc == pytest.approx((2.5 + 6 + 14) / 40)


def test_a_missing_object_repeats_the_interaction_before():
    rows = _rows({(1, 1): 0.5, (1, 2): 0.5, (2, 1): 0.9, (3, 1): 0.9, (3, 2): 0.9})
    scores = summarise_session(rows, {"dog": SequenceInfo(2, 1)}, SessionLimits(100))
    assert scores.curve.tolist() == pytest.approx([0, 0.5, 0.5, 0.9, 0.9])
    assert scores.time.tolist()[:4] == [0, 10, 10, 20]


def test_a_sequence_that_never_came_counts_zero():
    sequences = {"dog": SequenceInfo(1, 1), "cat": SequenceInfo(1, 1)}
    scores = summarise_session(_rows({(1, 1): 0.8}), sequences, SessionLimits())
    assert scores.curve.tolist() == pytest.approx([0, 0.4, 0.4])


def test_unknown_sequences_and_damaged_reports(tmp_path):
    with pytest.raises(DataError, match="'dog', which the data set does not have"):
        summarise_session(_rows({(1, 1): 0.8}), {"cat": SequenceInfo(1, 1)}, SessionLimits())
    with pytest.raises(DataError, match="no rows"):
        summarise_session([], {}, SessionLimits())
    (tmp_path / "report.csv").write_text("sequence,frame\ndog,1\n")
    with pytest.raises(DataError, match=r"report\.csv is not a report"):
        read_report(tmp_path / "report.csv")


def test_interactive_masks_count_in_every_frame():
    truth = np.zeros((2, 9, 9), np.uint8)
    truth[:, 2:5, 2:5] = 2
    j, f = score_masks(truth, np.zeros_like(truth), 2)
    assert j.tolist() == f.tolist() == [[1.0, 0.0], [1.0, 0.0]]


def test_boxes_follow_the_conventions_of_pytracking():
    annotated = np.array([[10, 10, 20, 20], [10, 10, 20, 20], [0, 0, 0, 0], [10, 10, 20, 20]])
    predicted = np.array([[0, 0, 1, 1], [20, 10, 20, 20], [5, 5, 5, 5], [1, 1, 0, 9]])
    errors = box_errors(predicted, annotated)
    assert errors.overlap.tolist()[:3] == pytest.approx([1.0, 1 / 3, -1.0])
    assert errors.centre.tolist()[:3] == [0.0, 10.0, np.inf]
    assert errors.normalised.tolist()[:3] == [0.0, 0.5, -1.0]
    assert errors.overlap[3] == pytest.approx(0.0), "a box without extent repeats the one before"
    curves = box_curves(errors)
    assert curves.overlap_precision(0.5) == 0.25
    assert curves.precision_at_20 == 0.75
    assert mean_curves([curves, curves]).auc == pytest.approx(curves.auc)


def test_boxes_that_are_no_numbers_are_refused():
    with pytest.raises(DataError, match="not a number"):
        box_errors(np.full((2, 4), np.nan), np.ones((2, 4)))
    with pytest.raises(DataError, match="negative side"):
        box_errors([[1, 1, 5, 5], [1, 1, -5, 5]], np.ones((2, 4)))
    with pytest.raises(DataError, match=r"\(2, 3\) and \(2, 4\)"):
        box_errors(np.ones((2, 3)), np.ones((2, 4)))


def test_boxes_are_repaired_in_upstreams_order():
    """Zero sides first, then the length, then the first row; a NaN annotation is left alone."""
    nan = np.nan
    annotated = np.array([[5, 5, 10, 10]] * 2 + [[nan] * 4] + [[5, 5, 10, 10]] * 2)
    predicted = np.array([[5, 5, 5, 10], [9, 9, 0, 9], [9, 9, 0, 9], [9, 9, 0, 9]])
    errors = box_errors(predicted, annotated)
    # frame 1 repeats the tracker's own first box, frame 3 the zero box of frame 2; 4 is missing
    assert errors.overlap.tolist() == [1.0, 0.5, -1.0, 0.0, 0.0]
    longer = np.concatenate([predicted, [[5, 5, 10, 10]] * 3])
    assert box_errors(longer, annotated).overlap.tolist() == [1.0, 0.5, -1.0, 0.0, 1.0]


def test_a_box_at_the_border_or_out_of_sight_is_not_valid():
    annotated = np.array([[5, 5, 10, 10], [0, 5, 10, 10], [5, 0, 10, 10], [5, 5, 10, 10]])
    errors = box_errors(annotated, annotated, np.array([True, True, True, False]))
    assert errors.is_valid.tolist() == [True, False, False, False]
    assert errors.overlap.tolist() == [1, -1, -1, -1]
    assert errors.centre.tolist() == [0, np.inf, np.inf, np.inf]


def test_an_overlap_at_its_threshold_does_not_count():
    """k/20 as k boxes of 20: never larger than the double k * 0.05 (single precision differs)."""
    for count in range(1, 20):
        annotated = np.array([[1, 1, 20, 1]] * 2)
        predicted = np.array([[1, 1, 20, 1], [1, 1, count, 1]])
        success = box_curves(box_errors(predicted, annotated)).success
        assert success[count] == 0.5, count
        assert success[count - 1] == 1.0, count


def test_the_normalised_precision_is_the_curve_at_a_fifth():
    annotated = np.array([[10, 10, 100, 100]] * 4)
    shifts = np.array([[0, 0, 0, 0], [20, 0, 0, 0], [21, 0, 0, 0], [40, 0, 0, 0]])
    curves = box_curves(box_errors(annotated + shifts, annotated))
    assert curves.normalised_precision_at_20 == 0.5
    assert curves.summary.endswith("NormPrecision=50.0")


@pytest.mark.parametrize(
    ("common", "counted"), [(50, False), (60, True), (70, False), (80, True), (90, False)]
)
def test_an_overlap_of_exactly_p_at_k(common, counted):
    """The single-precision overlap is compared as a double: 0.6 and 0.8 count."""
    nothing = precision_recall({}, {})
    scores = ImageScores(("a",), np.array([common]), np.array([100]), nothing)
    assert scores.precision_at(common / 100) == counted
