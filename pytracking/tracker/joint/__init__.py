"""The JOINT tracker."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytracking.tracker.joint.joint import JointTracker


def get_tracker_class() -> type[JointTracker]:
    """The class that runs this system."""
    from pytracking.tracker.joint.joint import JointTracker

    return JointTracker
