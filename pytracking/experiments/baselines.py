"""The trackers without a network, as a lower bound for all others."""

from __future__ import annotations

from pytracking.evaluation.tracker import trackerlist
from pytracking.experiments import Experiment

_TRACKERS = (*trackerlist("baseline", "copy_mask"), *trackerlist("baseline", "optical_flow"))


def davis() -> Experiment:
    """Both baselines on DAVIS 2017."""
    return _TRACKERS, ("dv2017_val",)


def youtubevos() -> Experiment:
    """Both baselines on YouTube-VOS, every frame."""
    return _TRACKERS, ("yt2018_valid_all", "yt2019_valid_all")
