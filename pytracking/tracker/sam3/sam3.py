"""Segment Anything 3, prompted by masks."""

from __future__ import annotations

from pytracking.tracker.promptable.tracker import PromptableTracker


class Sam3Tracker(PromptableTracker):
    """See ``PromptableTracker``."""

    model_class = "Sam3TrackerVideoModel"
    processor_class = "Sam3TrackerVideoProcessor"
