"""Data sets, paths, and running a tracker over them; importing it loads no heavy package.

>>> from pytracking.evaluation import create_tracker, get_dataset, run_dataset, trackerlist
>>> trackerlist("baseline", "copy_mask")[0].name
'copy_mask'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytracking.utils.lazy import lazy_attributes

if TYPE_CHECKING:
    from pytracking.evaluation.datasets import get_dataset
    from pytracking.evaluation.running.dataset import RunOptions, run_dataset
    from pytracking.evaluation.tracker import TrackerSpec as Tracker
    from pytracking.evaluation.tracker import create_tracker, trackerlist

__all__ = [
    "RunOptions",
    "Tracker",
    "create_tracker",
    "get_dataset",
    "run_dataset",
    "trackerlist",
]

_HOMES = {
    "RunOptions": "pytracking.evaluation.running.dataset:RunOptions",
    "Tracker": "pytracking.evaluation.tracker:TrackerSpec",
    "create_tracker": "pytracking.evaluation.tracker:create_tracker",
    "get_dataset": "pytracking.evaluation.datasets:get_dataset",
    "run_dataset": "pytracking.evaluation.running.dataset:run_dataset",
    "trackerlist": "pytracking.evaluation.tracker:trackerlist",
}


__getattr__ = lazy_attributes(__name__, _HOMES)
