"""Segment Anything 2 (arXiv 2408.00714), through transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytracking.tracker.sam2.sam2 import Sam2Tracker


def get_tracker_class() -> type[Sam2Tracker]:
    """The class that runs this system."""
    from pytracking.tracker.sam2.sam2 import Sam2Tracker

    return Sam2Tracker
