"""Segment Anything 3, prompted by text, through transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytracking.tracker.sam3_text.sam3_text import Sam3TextTracker


def get_tracker_class() -> type[Sam3TextTracker]:
    """The class that runs this system."""
    from pytracking.tracker.sam3_text.sam3_text import Sam3TextTracker

    return Sam3TextTracker
