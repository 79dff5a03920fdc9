"""EdgeTAM (arXiv 2501.07256)."""

from __future__ import annotations

from pytracking.tracker.promptable.tracker import PromptableTracker


class EdgeTamTracker(PromptableTracker):
    """See ``PromptableTracker``."""

    model_class = "EdgeTamVideoModel"
    processor_class = "Sam2VideoProcessor"
    shares_session = False  # transformers cannot join prompted and tracked objects of this model
