"""Checks of array arguments."""

from __future__ import annotations

import numpy as np

from ltr.admin.errors import DataError


def check_same_shape(name: str, found: np.ndarray, expected: np.ndarray) -> None:
    """Refuse masks of another size than the ground truth; masks are never resized.

    Raises:
        DataError: The shapes differ.
    """
    if found.shape != expected.shape:
        raise DataError(f"{name} has the shape {found.shape}, the ground truth {expected.shape}")
