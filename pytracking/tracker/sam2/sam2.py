"""Segment Anything 2 (arXiv 2408.00714)."""

from __future__ import annotations

from pytracking.tracker.promptable.tracker import PromptableTracker


class Sam2Tracker(PromptableTracker):
    """See ``PromptableTracker``."""

    model_class = "Sam2VideoModel"
    processor_class = "Sam2VideoProcessor"
