"""EdgeTAM (arXiv 2501.07256), through transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytracking.tracker.edgetam.edgetam import EdgeTamTracker


def get_tracker_class() -> type[EdgeTamTracker]:
    """The class that runs this system."""
    from pytracking.tracker.edgetam.edgetam import EdgeTamTracker

    return EdgeTamTracker
