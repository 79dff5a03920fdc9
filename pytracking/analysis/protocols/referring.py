"""Referring protocols: Ref-YouTube-VOS, and single frames (A2D, JHMDB, RefCOCO)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.json_io import finite_number, translate_json_errors
from ltr.data.mask_metrics.frame_pair import FramePair
from ltr.data.rle import Rle, as_rle
from pytracking.analysis.metrics.average_precision import (
    MAX_DETECTIONS,
    Cell,
    PrecisionRecall,
    keep_best,
    precision_recall,
)
from pytracking.utils.mask_overlaps import areas, intersections, overlaps

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
AREA_RANGES = {
    "all": (0.0, 1e10),
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, 1e10),
}
_PRECISIONS = ("mAP 0.5:0.95", "AP 0.5", "AP 0.75", *(f"AP 0.5:0.95 {s}" for s in "SML"))
_RECALLS = ("AR 1", "AR 10", "AR 100", *(f"AR 0.5:0.95 {s}" for s in "SML"))
_EPSILON = np.float32(1e-6)
_OBJECT = 1  # the one category


@dataclass(frozen=True)
class ImageScores:
    """Scores of the best prediction of every image.

    Args:
        images: Ids of the images.
        intersection: Common area, (images,).
        union: Area of either, (images,).
        curves: Precision and recall over all predictions.
    """

    images: tuple[Any, ...]
    intersection: np.ndarray
    union: np.ndarray
    curves: PrecisionRecall

    @property
    def iou(self) -> np.ndarray:
        """Intersection over union in the official program's single precision, (images,)."""
        common, either = self.intersection.astype(np.float32), self.union.astype(np.float32)
        return (common + _EPSILON) / (either + _EPSILON)

    @property
    def mean_iou(self) -> float:
        """Mean over images."""
        return float(self.iou.mean(dtype=np.float64))

    @property
    def overall_iou(self) -> float:
        """All common areas over all areas of either."""
        return float(self.intersection.sum() / self.union.sum())

    def precision_at(self, threshold: float) -> float:
        """Share of the images whose overlap is larger than ``threshold``.

        As upstream, the overlap in single precision is compared in double precision: 60/100 counts
        as larger than 0.6 and 80/100 as larger than 0.8, but 50/100 not as larger than 0.5.
        """
        return float((self.iou.astype(np.float64) > threshold).mean())

    def table(self, with_recall: bool = False) -> dict[str, float]:
        """All numbers under their official names, 0..1.

        Args:
            with_recall: Whether COCO's six average recalls are among them.
        """
        found = self.curves.summary()
        labels = [*_PRECISIONS, *(_RECALLS if with_recall else ())]
        numbers = dict(zip(labels, found.values(), strict=False))
        numbers |= {f"P@{threshold}": self.precision_at(threshold) for threshold in THRESHOLDS}
        return numbers | {"overall_iou": self.overall_iou, "mean_iou": self.mean_iou}

    @property
    def summary(self) -> str:
        """The last line of a report, percent."""
        numbers = self.curves.average_precision(), self.overall_iou, self.mean_iou
        names = ("mAP", "oIoU", "mIoU")
        return " ".join(f"{k}={100 * v:.1f}" for k, v in zip(names, numbers, strict=True))


def score_expression(truth: np.ndarray, prediction: np.ndarray, object_id: int) -> np.ndarray:
    """J and F of one expression in a frame.

    Args:
        truth: Label map, uint8 (H, W).
        prediction: Mask of the expression, set where not 0, (H, W).
        object_id: The object that the expression means.

    Returns:
        float64 (2, 1).
    """
    pair = FramePair((truth == object_id).view(np.uint8), (prediction > 0).view(np.uint8))
    return np.array([[pair.jaccard(1, 1)], [pair.boundary_f(1, 1)]])


def evaluate_images(
    ground_truth: Mapping[str, Any],
    predictions: Sequence[Mapping[str, Any]],
    best_only: bool = False,
) -> ImageScores:
    """Score masks of single frames, one object an image (A2D-Sentences, JHMDB-Sentences).

    Args:
        ground_truth: COCO JSON with ``images`` and ``annotations``.
        predictions: Entries with ``image_id``, ``score`` and ``segmentation``.
        best_only: Whether the average precision sees only the best prediction of an image; upstream
            takes all.

    Raises:
        DataError: An image has no prediction, or an entry is damaged.
    """
    truths = _annotations(ground_truth, _mask_of)
    found = _predictions(predictions, truths, "segmentation")
    masks = {
        image: [_mask_of(entry, truth.size, f"a prediction for {image}") for entry in found[image]]
        for image, truth in truths.items()
    }
    best = {image: _best([entry["score"] for entry in found[image]]) for image in truths}
    chosen = [(masks[image][best[image]], truth.region) for image, truth in truths.items()]
    common = np.array([intersections([one], [other])[0, 0] for one, other in chosen])
    either = np.array([areas(list(pair)).sum() for pair in chosen]) - common
    cells = [
        _cell(
            [masks[image][place] for place in places],
            [found[image][place]["score"] for place in places],
            truths[image],
        )
        for image in sorted(truths)
        for places in [[best[image]] if best_only else range(len(masks[image]))]
    ]
    return ImageScores(
        tuple(truths), common, either, precision_recall({_OBJECT: cells}, AREA_RANGES)
    )


def evaluate_boxes(
    ground_truth: Mapping[str, Any],
    predictions: Sequence[Mapping[str, Any]],
    best_only: bool = False,
) -> ImageScores:
    """Score boxes of single frames, one object per image (RefCOCO).

    Args:
        ground_truth: COCO JSON whose boxes are ``x, y, width, height``.
        predictions: Entries with ``image_id``, ``score`` and ``bbox``: ``x0, y0, x1, y1``.
        best_only: See ``evaluate_images``.

    Raises:
        DataError: An image has no prediction, or an entry is damaged.
    """
    truths = _annotations(ground_truth, _corners_of)
    found = _predictions(predictions, truths, "bbox")
    best = {image: _best([entry["score"] for entry in found[image]]) for image in truths}
    boxes = np.array([truth.region for truth in truths.values()], dtype=np.float32)
    chosen = np.array([found[image][best[image]]["bbox"] for image in truths], dtype=np.float32)
    common, sizes = _common_area(boxes, chosen), [_box_area(group) for group in (boxes, chosen)]
    cells = []
    for image in sorted(truths):
        entries = [found[image][best[image]]] if best_only else found[image]
        cells.append(_box_cell(entries, truths[image]))
    return ImageScores(
        tuple(truths),
        common,
        sizes[0] + sizes[1] - common,
        precision_recall({_OBJECT: cells}, AREA_RANGES),
    )


def _common_area(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Area that boxes x0, y0, x1, y1, (..., 4), have in common."""
    low, high = np.maximum(first[..., :2], second[..., :2]), np.minimum(first, second)[..., 2:]
    return np.clip(high - low, 0, None).prod(axis=-1)


def _box_area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)


def _box_cell(entries: Sequence[Mapping[str, Any]], truth: _Annotation) -> Cell:
    """What COCO's rule needs of an image; a crowd is covered by any part of a box."""
    order = keep_best([entry["score"] for entry in entries], MAX_DETECTIONS[-1])
    boxes = np.array([entries[place]["bbox"] for place in order], dtype=np.float64)
    wanted, sizes = np.array(truth.region, dtype=np.float64), _box_area(boxes)
    common = _common_area(boxes, wanted)
    either = sizes if truth.is_crowd else sizes + _box_area(wanted) - common
    overlaps = np.divide(common, either, out=np.zeros_like(common), where=common > 0)
    return _cell_of(truth, [entries[place]["score"] for place in order], sizes, overlaps[:, None])


@dataclass(frozen=True)
class _Annotation:
    """The object of one image: its mask or box, the image's size, and what COCO notes of it."""

    region: Any
    size: tuple[int, int]
    identifier: int
    area: float
    is_crowd: bool


def _annotations(
    ground_truth: Mapping[str, Any], region_of: Callable[..., Any]
) -> dict[Any, _Annotation]:
    """The one annotation of each image, in the order of the file's images."""
    with translate_json_errors("the ground truth", "a COCO file"):
        sizes = {entry["id"]: (entry["height"], entry["width"]) for entry in ground_truth["images"]}
        entries = {entry["image_id"]: entry for entry in ground_truth["annotations"]}
        if len(entries) != len(ground_truth["annotations"]) or entries.keys() != sizes.keys():
            raise DataError("expected one annotation for each image")
        return {
            image: _Annotation(
                region_of(entries[image], size, f"the annotation of {image}"),
                size,
                int(entries[image]["id"]),
                float(entries[image]["area"]),
                bool(entries[image].get("iscrowd", 0)),
            )
            for image, size in sizes.items()
        }


def _predictions(
    predictions: Sequence[object], truths: Mapping[Any, _Annotation], region: str
) -> dict[Any, list[Mapping[str, Any]]]:
    """The predictions of each annotated image; all have a score and the key ``region``.

    Raises:
        DataError: An image has none, or one is for an image that does not exist.
    """
    found: dict[Any, list[Mapping[str, Any]]] = {image: [] for image in truths}
    for number, entry in enumerate(predictions):
        if not isinstance(entry, Mapping) or not {"image_id", "score", region} <= entry.keys():
            raise DataError(f"prediction {number} lacks image_id, score or {region}")
        try:
            finite_number(entry["score"])
        except ValueError as error:
            raise DataError(f"prediction {number}: the score {error}") from error
        image = entry["image_id"]
        if not isinstance(image, int | float | str) or image not in found:
            raise DataError(f"prediction {number}: there is no image {image!r}")
        found[image].append(entry)
    missing = [image for image, entries in found.items() if not entries]
    if missing:
        raise DataError(f"{len(missing)} images have no prediction, {missing[0]!r} is the first")
    return found


def _mask_of(entry: Mapping[str, Any], size: tuple[int, int], what: str) -> Rle:
    try:
        mask = as_rle(entry["segmentation"], *size)
    except DataError as error:
        raise DataError(f"{what}: {error}") from error
    if mask is None:
        raise DataError(f"{what} has no mask")
    return mask


def _corners_of(entry: Mapping[str, Any], size: tuple[int, int], what: str) -> tuple[float, ...]:
    x, y, width, height = entry["bbox"]
    return x, y, x + width, y + height


def _best(scores: Sequence[float]) -> int:
    """The largest score; of equal ones the last."""
    return max(range(len(scores)), key=lambda place: (scores[place], place))


def _cell(masks: Sequence[Rle], scores: Sequence[float], truth: _Annotation) -> Cell:
    order = keep_best(scores, MAX_DETECTIONS[-1])
    kept = [masks[place] for place in order]
    shared = overlaps(kept, [truth.region], [truth.is_crowd])
    return _cell_of(truth, [scores[place] for place in order], areas(kept), shared)


def _cell_of(
    truth: _Annotation, scores: Sequence[float], sizes: np.ndarray, shared: np.ndarray
) -> Cell:
    return Cell(
        scores=np.array(scores, dtype=np.float64),
        areas=sizes,
        overlaps=shared,
        truth_ids=np.array([truth.identifier]),
        truth_areas=np.array([truth.area]),
        truth_is_crowd=np.array([truth.is_crowd]),
    )
