"""Instances of key frames, propagated through the clip and reduced to one sequence per object."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytracking.tracker.propose_reduce.propose_reduce import ProposeReduce


def get_tracker_class() -> type[ProposeReduce]:
    """The class that runs this system."""
    from pytracking.tracker.propose_reduce.propose_reduce import ProposeReduce

    return ProposeReduce
