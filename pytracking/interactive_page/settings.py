"""Limits of the page, so that no input can fill memory or disk."""

from __future__ import annotations

from dataclasses import dataclass

from ltr.admin.errors import ConfigError


@dataclass(frozen=True)
class PageSettings:
    """What the page accepts.

    Args:
        max_frames: Frames of a clip that are taken; the rest is left out.
        every: Only every so many frames are taken.
        max_side: Longer side to which larger frames are scaled down, in pixels.
        max_upload_mib: Size of an uploaded clip.
        max_objects: Objects of a clip.
        max_lines: Strokes of a round.
        max_points: Points of a stroke.
    """

    max_frames: int = 150
    every: int = 1
    max_side: int = 854
    max_upload_mib: int = 512
    max_objects: int = 20
    max_lines: int = 200
    max_points: int = 5000

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise ConfigError(f"{name} must be at least 1, got {value}")
