"""Limits of the page, so that no input can fill memory or disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ltr.admin.errors import ConfigError


@dataclass(frozen=True)
class PageSettings:
    """What the page accepts.

    Args:
        max_frames: Largest number of frames of a video; the rest is left out.
        every: Use every N-th frame only.
        max_side: Limit of the longer side in pixels; larger frames are scaled down.
        max_upload_mib: Largest size of an uploaded video, MiB.
        max_objects: Largest number of objects.
        max_lines: Largest number of strokes per round.
        max_points: Largest number of points per stroke.
        max_rounds: Largest number of rounds per video.
        max_all_points: Largest number of points of all rounds of a video.
    """

    max_frames: int = 1500
    every: int = 1
    max_side: int = 854
    max_upload_mib: int = 512
    max_objects: int = 20
    max_lines: int = 200
    max_points: int = 5000
    max_rounds: int = 100
    max_all_points: int = 50_000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ConfigError(f"{name} must be at least 1, got {value}")


HELP: Mapping[str, str] = MappingProxyType(
    {
        "max_frames": "use at most N frames of the video",
        "every": "use every N-th frame",
        "max_side": "scale frames down to a longer side of N pixels",
        "max_upload_mib": "accept uploads of at most N MiB",
        "max_objects": "accept at most N objects",
        "max_lines": "accept at most N strokes per round",
        "max_points": "accept at most N points per stroke",
        "max_rounds": "accept at most N rounds per video",
        "max_all_points": "accept at most N points in all rounds of a video",
    }
)
"""What each limit means, for the command line."""
