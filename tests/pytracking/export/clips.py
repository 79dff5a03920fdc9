"""What the tests of exported trackers share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pytracking.export.runner.output import ExportedTracker
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker

Prompts = Mapping[int, FrameInfo]


def worst_difference(
    tracker: OnlineTracker,
    exported: ExportedTracker,
    frames: Sequence[np.ndarray],
    prompts: Prompts,
) -> float:
    """Track with both; the largest difference of a probability. Masks differ at ties alone."""
    return worst_difference_from(run(tracker, frames, prompts), exported, frames, prompts)


def worst_difference_from(
    expected: Sequence[FrameOutput],
    exported: ExportedTracker,
    frames: Sequence[np.ndarray],
    prompts: Prompts,
) -> float:
    """``worst_difference`` from what PyTorch has found before."""
    worst = 0.0
    for own, found in zip(expected, run_lazily(exported, frames, prompts), strict=True):
        assert own.probabilities is not None
        probabilities = own.probabilities.numpy()
        assert found.probabilities.shape == probabilities.shape
        assert found.probabilities.dtype == np.float32
        worst = max(worst, float(np.abs(found.probabilities - probabilities).max()))
        best_two = np.sort(probabilities, axis=0)[-2:]
        clear = best_two[1] - best_two[0] > 1e-3
        np.testing.assert_array_equal(found.segmentation[clear], own.segmentation[clear])
    return worst


def run(tracker: Any, frames: Sequence[np.ndarray], prompts: Prompts) -> list[Any]:
    """The outputs of all frames."""
    return list(run_lazily(tracker, frames, prompts))


def run_lazily(tracker: Any, frames: Sequence[np.ndarray], prompts: Prompts) -> Iterator[Any]:
    """Track frame by frame."""
    for index, image in enumerate(frames):
        step = tracker.track if index else tracker.initialize
        yield step(image, prompts.get(index))
