"""Segment Anything 3, prompted by masks, through transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytracking.tracker.sam3.sam3 import Sam3Tracker


def get_tracker_class() -> type[Sam3Tracker]:
    """The class that runs this system."""
    from pytracking.tracker.sam3.sam3 import Sam3Tracker

    return Sam3Tracker
