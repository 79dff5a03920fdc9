"""Trackers without a network, to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytracking.tracker.base import OnlineTracker


def get_tracker_class() -> type[OnlineTracker]:
    """The class that ``run_tracker.py baseline ...`` runs."""
    from pytracking.tracker.baseline.baseline import Baseline

    return Baseline
