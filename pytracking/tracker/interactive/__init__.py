"""Interactive segmentation: scribbles in, masks of all frames out, round by round."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytracking.tracker.interactive.base import InteractiveVOS


def get_tracker_class() -> type[InteractiveVOS]:
    """The class whose ``create`` makes the host that the parameters name."""
    from pytracking.tracker.interactive.base import InteractiveVOS

    return InteractiveVOS
