"""Box protocol of pytracking: overlap and centre error, success and precision curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ltr.admin.errors import ConfigError, DataError

# Multiples of 0.05 in double precision, as upstream has them: 0.35 is 0.35000000000000003.
OVERLAP_THRESHOLDS = np.arange(21) * 0.05
PIXEL_THRESHOLDS = np.arange(51.0)
NORMALISED_THRESHOLDS = PIXEL_THRESHOLDS / 100
_PRECISION_INDEX = 20  # 20 pixels, or 0.20 of the object's size


@dataclass(frozen=True)
class BoxErrors:
    """How predicted boxes differ from annotated ones, frame by frame.

    Args:
        overlap: Intersection over union, -1 where the annotation is not valid.
        centre: Distance of the centres in pixels, infinite where not valid.
        normalised: Centre errors divided by the annotated width and height, -1 where not valid.
        is_valid: Whether x, y, width and height of the annotation are all positive, and the object
            is visible.
    """

    overlap: np.ndarray
    centre: np.ndarray
    normalised: np.ndarray
    is_valid: np.ndarray


@dataclass(frozen=True)
class BoxScores:
    """Curves over the frames of one or more objects.

    Args:
        success: Share of frames with a larger overlap, at thresholds evenly spread over 0..1.
        precision: Share with at most that centre error, at ``PIXEL_THRESHOLDS``.
        normalised_precision: Fraction of valid frames with a normalised centre error within each of
            ``NORMALISED_THRESHOLDS``.
    """

    success: np.ndarray
    precision: np.ndarray
    normalised_precision: np.ndarray

    @property
    def auc(self) -> float:
        """Area under the success curve, 0..1."""
        return float(self.success.mean(dtype=np.float64))

    def overlap_precision(self, threshold: float) -> float:
        """Share of frames with an overlap larger than ``threshold``, for instance OP50."""
        return float(self.success[round(threshold * (len(self.success) - 1))])

    @property
    def precision_at_20(self) -> float:
        """Share of frames whose centre is at most 20 pixels off."""
        return float(self.precision[_PRECISION_INDEX])

    @property
    def normalised_precision_at_20(self) -> float:
        """Share of frames whose centre is at most 0.20 of the object's size off."""
        return float(self.normalised_precision[_PRECISION_INDEX])

    @property
    def summary(self) -> str:
        """The last line of a report, percent."""
        values = {
            "AUC": self.auc,
            "OP50": self.overlap_precision(0.5),
            "OP75": self.overlap_precision(0.75),
            "Precision": self.precision_at_20,
            "NormPrecision": self.normalised_precision_at_20,
        }
        return " ".join(f"{name}={100 * value:.1f}" for name, value in values.items())


def overlap_thresholds(gap: float) -> np.ndarray:
    """Multiples of a gap from 0 to 1, in double precision.

    Raises:
        ConfigError: 0.5 and 0.75, where the overlap precision is read, are not among them.
    """
    steps = round(1 / gap) if 0 < gap <= 1 else 0
    if not steps or steps % 4 or not math.isclose(steps * gap, 1):
        raise ConfigError(f"the gap {gap} between thresholds: expected 0.25 or an even part of it")
    return np.arange(steps + 1) * gap


def box_errors(
    predicted: np.ndarray, annotated: np.ndarray, visible: np.ndarray | None = None
) -> BoxErrors:
    """Compare the boxes of one object.

    In this order, as upstream: a prediction with a side of 0 is replaced by the one before it, a
    list that is too long is cut, one that is too short gets boxes without extent, and the first
    prediction is replaced by the annotation.

    Args:
        predicted: ``x, y, width, height`` in pixels, (any number, 4).
        annotated: Annotated boxes, (frames, 4); NaN where the object is not annotated.
        visible: bool (frames,); None where all objects are.

    Raises:
        DataError: There is no frame, or a predicted box is not a number or has a negative side.
    """
    predicted, annotated = (np.array(boxes, dtype=np.float64) for boxes in (predicted, annotated))
    if annotated.shape[1:] != (4,) or predicted.shape[1:] != (4,) or not len(annotated):
        raise DataError(f"expected (frames, 4) boxes, got {predicted.shape} and {annotated.shape}")
    if np.isnan(predicted).any() or (predicted[:, 2:] < 0).any():
        raise DataError("a predicted box is not a number or has a negative side")
    predicted = _repaired(predicted, annotated)
    is_valid = np.asarray((annotated > 0).all(axis=1))
    if visible is not None:
        is_valid &= visible
    offset = _centres(predicted) - _centres(annotated)
    with np.errstate(divide="ignore", invalid="ignore"):
        normalised = np.linalg.norm(offset / annotated[:, 2:], axis=1)
    return BoxErrors(
        np.where(is_valid, _overlap(predicted, annotated), -1.0),
        np.where(is_valid, np.linalg.norm(offset, axis=1), np.inf),
        np.where(is_valid, normalised, -1.0),
        is_valid,
    )


def box_curves(errors: BoxErrors, thresholds: np.ndarray = OVERLAP_THRESHOLDS) -> BoxScores:
    """Success and precision of one object over all its frames, also those without a valid box.

    Args:
        errors: How its boxes differ.
        thresholds: Of the overlap, from ``overlap_thresholds``.
    """
    return BoxScores(
        (errors.overlap[:, None] > thresholds).mean(axis=0, dtype=np.float32),
        (errors.centre[:, None] <= PIXEL_THRESHOLDS).mean(axis=0, dtype=np.float32),
        (errors.normalised[:, None] <= NORMALISED_THRESHOLDS).mean(axis=0, dtype=np.float32),
    )


def mean_curves(curves: Sequence[BoxScores]) -> BoxScores:
    """Average over objects."""
    return BoxScores(
        np.mean([item.success for item in curves], axis=0),
        np.mean([item.precision for item in curves], axis=0),
        np.mean([item.normalised_precision for item in curves], axis=0),
    )


def _repaired(predicted: np.ndarray, annotated: np.ndarray) -> np.ndarray:
    """The predictions of as many frames as are annotated, see ``box_errors``."""
    count = len(annotated)
    for frame in range(1, len(predicted)):
        is_annotated = frame >= count or not np.isnan(annotated[frame]).any()
        if is_annotated and (predicted[frame, 2:] == 0).any():
            predicted[frame] = predicted[frame - 1]
    missing = max(0, count - len(predicted))
    predicted = np.concatenate([predicted, np.zeros((missing, 4))])[:count]
    predicted[0] = annotated[0]
    return predicted


def _centres(boxes: np.ndarray) -> np.ndarray:
    """Centres of boxes whose last pixel is included."""
    return boxes[:, :2] + 0.5 * (boxes[:, 2:] - 1.0)


def _overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    corner = np.maximum(first[:, :2], second[:, :2])
    end = np.minimum(first[:, :2] + first[:, 2:], second[:, :2] + second[:, 2:])
    common = np.clip(end - corner, 0, None).prod(axis=1)
    return common / (first[:, 2:].prod(axis=1) + second[:, 2:].prod(axis=1) - common)
