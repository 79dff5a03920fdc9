"""What JOINT tells a live view or a test while it tracks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from pytracking.tracker.base import Inspector
from pytracking.tracker.joint.state import ObjectState

Listener = Callable[..., None]
"""Called as ``listener(event, object_state, **tensors)``; see ``JointTracker``."""

_DATA_LEVEL = 3  # of the live view


def ignore_events(event: str, obj: ObjectState, **details: torch.Tensor) -> None:
    """The listener of a tracker that nobody listens to."""


def listen_for(inspector: Inspector | None) -> Listener:
    """The listener that shows events to an inspector, where there is one."""
    return partial(_inspect, inspector) if inspector else ignore_events


def _inspect(inspector: Inspector, event: str, obj: ObjectState, **details: torch.Tensor) -> None:
    key = obj.object_id
    if event == "init":
        inspector.register(details["mask"], "heatmap", _DATA_LEVEL, f"First Mask {key}")
    elif event == "crop":
        inspector.register(details["patch"][0], "image", _DATA_LEVEL, f"Search Window {key}")
    elif event == "scores":
        scores = details["logits"].sigmoid()
        inspector.register(scores, "heatmap", _DATA_LEVEL, f"Window Scores {key}")
        weights = obj.memory.weights.values
        inspector.register(weights, "lineplot", _DATA_LEVEL, f"Memory Weights {key}")
