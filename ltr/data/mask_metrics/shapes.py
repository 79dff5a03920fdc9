"""Checks of array arguments."""

from __future__ import annotations

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.palette import VOID


def check_same_shape(name: str, found: np.ndarray, expected: np.ndarray) -> None:
    """Refuse masks of another size than the ground truth; masks are never resized.

    Raises:
        DataError: The shapes differ.
    """
    if found.shape != expected.shape:
        raise DataError(f"{name} has the shape {found.shape}, the ground truth {expected.shape}")


def as_label_map(name: str, labels: np.ndarray) -> np.ndarray:
    """Take any whole numbers from 0 to 255, or a mask, as a label map.

    Args:
        name: Name of the argument, for error messages.
        labels: (H, W).

    Returns:
        uint8 (H, W); the same array where it is one.

    Raises:
        DataError: It has other values or another number of axes.
    """
    labels = np.asarray(labels)
    if labels.ndim != 2:
        raise DataError(f"{name} has the shape {labels.shape}, expected a label map (H, W)")
    if labels.dtype == np.uint8:
        return labels
    if labels.dtype == bool:
        return labels.view(np.uint8)
    narrow = labels.astype(np.uint8)
    if not (narrow == labels).all():
        raise DataError(f"{name} has values that are not labels: expected 0 to {VOID}")
    return narrow
