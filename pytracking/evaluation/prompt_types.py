"""Masks and boxes as a user names them, before they are read; light enough for ``--help``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltr.data.bounding_boxes import Box


@dataclass(frozen=True)
class MaskPrompt:
    """A mask file whose objects start in frame ``frame`` (counted from 0)."""

    frame: int
    path: Path


@dataclass(frozen=True)
class BoxPrompt:
    """An object that starts in frame ``frame`` (counted from 0), given by its box in pixels."""

    frame: int
    box: Box
