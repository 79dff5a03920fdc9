"""An example of what a package can add to vos-toolkit."""

from __future__ import annotations

from pytracking.tracker.base import OnlineTracker


def get_tracker_class() -> type[OnlineTracker]:
    """The class that the commands run; imported when it is needed."""
    from nearest_colour.tracker import NearestColour

    return NearestColour
