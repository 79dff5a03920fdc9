"""Label propagation on features of Dense Unsupervised Learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker


def get_tracker_class() -> type[DenseULearnTracker]:
    """The class that runs this system."""
    from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker

    return DenseULearnTracker
