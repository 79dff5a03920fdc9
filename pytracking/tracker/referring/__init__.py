"""The object that a sentence names: a first look at the whole clip, then tracking outward."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytracking.tracker.referring.referring import ReferringTracker


def get_tracker_class() -> type[ReferringTracker]:
    """The system's tracker, imported when it is asked for."""
    from pytracking.tracker.referring.referring import ReferringTracker

    return ReferringTracker
