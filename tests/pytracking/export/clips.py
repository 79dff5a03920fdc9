"""What the tests of exported trackers share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytracking.export.runner.output import ExportedTracker
from pytracking.tracker.base import FrameInfo, OnlineTracker


def worst_difference(
    tracker: OnlineTracker,
    exported: ExportedTracker,
    frames: Sequence[np.ndarray],
    prompts: dict[int, FrameInfo],
) -> float:
    """Track with both; the largest difference of a probability. Masks differ at ties alone."""
    worst = 0.0
    for index, image in enumerate(frames):
        info = prompts.get(index)
        if index == 0:
            expected, found = tracker.initialize(image, info), exported.initialize(image, info)
        else:
            expected, found = tracker.track(image, info), exported.track(image, info)
        probabilities = expected.probabilities.numpy()
        assert found.probabilities.shape == probabilities.shape
        assert found.probabilities.dtype == np.float32
        worst = max(worst, float(np.abs(found.probabilities - probabilities).max()))
        best_two = np.sort(probabilities, axis=0)[-2:]
        clear = best_two[1] - best_two[0] > 1e-3
        np.testing.assert_array_equal(found.segmentation[clear], expected.segmentation[clear])
    return worst
