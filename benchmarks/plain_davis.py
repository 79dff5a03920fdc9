"""The semi-supervised DAVIS evaluation as a straightforward reference implementation.

Whole sequences are stacked as float64 masks, every pair of masks is handled on its own and on full
frames, boundaries are dilated with an array of (2r + 1)^2. The reference of the benchmark.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

_VOID = 255
_TOLERANCE = 0.008


def evaluate_sequence(truth: Path, results: Path) -> dict[str, np.ndarray]:
    """J and F of every object, (objects, frames), without the first and the last frame."""
    names = sorted(path.name for path in truth.iterdir())
    annotated = np.stack([_read(truth / name) for name in names])
    annotated[annotated == _VOID] = 0
    objects = range(1, int(annotated[0].max()) + 1)
    wanted = _stack(annotated[1:-1], objects)
    found = _stack(np.stack([_read(results / name) for name in names[1:-1]]), objects)
    return {
        "J": np.stack([_region(*pair) for pair in zip(wanted, found, strict=True)]),
        "F": np.stack([_contour(*pair) for pair in zip(wanted, found, strict=True)]),
    }


def _read(path: Path) -> np.ndarray:
    return np.array(Image.open(path))


def _stack(labels: np.ndarray, objects: range) -> np.ndarray:
    """float64 (objects, frames, H, W)."""
    return np.stack([(labels == number).astype(np.float64) for number in objects])


def _region(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Intersection over union of (frames, H, W)."""
    truth, found = truth.astype(bool), found.astype(bool)
    common = np.sum(truth & found, axis=(-2, -1))
    either = np.sum(truth | found, axis=(-2, -1))
    return np.where(either == 0, 1.0, common / np.maximum(either, 1))


def _contour(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    return np.array([_frame_contour(*pair) for pair in zip(truth, found, strict=True)])


def _frame_contour(truth: np.ndarray, found: np.ndarray) -> float:
    radius = math.ceil(_TOLERANCE * math.hypot(*truth.shape))
    wanted, drawn = _boundary(truth), _boundary(found)
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disk = (x * x + y * y <= radius * radius).astype(np.uint8)
    near_wanted = cv2.dilate(wanted.astype(np.uint8), disk).astype(bool)
    near_drawn = cv2.dilate(drawn.astype(np.uint8), disk).astype(bool)
    num_wanted, num_drawn = np.sum(wanted), np.sum(drawn)
    if num_wanted == 0 or num_drawn == 0:
        return float(num_wanted == num_drawn)
    precision = np.sum(drawn & near_wanted) / num_drawn
    recall = np.sum(wanted & near_drawn) / num_wanted
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def _boundary(mask: np.ndarray) -> np.ndarray:
    """Pixels that differ from their right, lower or lower right neighbour."""
    mask = mask.astype(bool)
    right, below, corner = np.zeros_like(mask), np.zeros_like(mask), np.zeros_like(mask)
    right[:, :-1] = mask[:, 1:]
    below[:-1] = mask[1:]
    corner[:-1, :-1] = mask[1:, 1:]
    boundary = (mask ^ right) | (mask ^ below) | (mask ^ corner)
    boundary[-1] = mask[-1] ^ right[-1]
    boundary[:, -1] = mask[:, -1] ^ below[:, -1]
    boundary[-1, -1] = False
    return boundary
