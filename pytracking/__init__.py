"""Evaluation library: run trackers on data sets and videos, and score them.

Uses ``ltr``; ``ltr`` never uses this package. Importing it loads no heavy package.

>>> from pytracking import load_tracker, read_video, segment_video
>>> tracker = load_tracker("baseline", "optical_flow")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ltr
from pytracking.utils.lazy import lazy_attributes

if getattr(ltr, "TOOLKIT", "") != "vos-toolkit":
    raise ImportError(
        f"the package ltr in {getattr(ltr, '__file__', None) or list(ltr.__path__)} is not that of "
        "vos-toolkit: uninstall it and install vos-toolkit again, in an environment of its own"
    )

if TYPE_CHECKING:
    from pytracking.evaluation.prompt_types import Point, Prompt
    from pytracking.evaluation.session import VideoSession
    from pytracking.evaluation.stepper import FrameStepper, segment_video
    from pytracking.evaluation.tracker import create_tracker as load_tracker
    from pytracking.tracker.base import FrameInfo, FrameOutput, Runtime
    from pytracking.utils.overlay import overlay
    from pytracking.utils.video_reader import read_video
    from pytracking.utils.video_writer import VideoWriter

__all__ = [
    "FrameInfo",
    "FrameOutput",
    "FrameStepper",
    "Point",
    "Prompt",
    "Runtime",
    "VideoSession",
    "VideoWriter",
    "load_tracker",
    "overlay",
    "read_video",
    "segment_video",
]

_HOMES = {
    "FrameInfo": "pytracking.tracker.base:FrameInfo",
    "FrameOutput": "pytracking.tracker.base:FrameOutput",
    "FrameStepper": "pytracking.evaluation.stepper:FrameStepper",
    "Point": "pytracking.evaluation.prompt_types:Point",
    "Prompt": "pytracking.evaluation.prompt_types:Prompt",
    "Runtime": "pytracking.tracker.base:Runtime",
    "VideoSession": "pytracking.evaluation.session:VideoSession",
    "VideoWriter": "pytracking.utils.video_writer:VideoWriter",
    "load_tracker": "pytracking.evaluation.tracker:create_tracker",
    "overlay": "pytracking.utils.overlay:overlay",
    "read_video": "pytracking.utils.video_reader:read_video",
    "segment_video": "pytracking.evaluation.stepper:segment_video",
}


__getattr__ = lazy_attributes(__name__, _HOMES)
