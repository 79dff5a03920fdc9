"""Masks and boxes as they are named on the command line."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytracking.tracker.base import Box


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


def parse_mask(text: str) -> MaskPrompt:
    """Parse ``FILE`` (frame 0) or ``FRAME:FILE``.

    >>> parse_mask("50:dog.png")
    MaskPrompt(frame=50, path=PosixPath('dog.png'))
    """
    match = re.fullmatch(r"(?:(\d+):)?(.+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"expected FILE or FRAME:FILE, got {text!r}")
    return MaskPrompt(int(match[1] or 0), Path(match[2]))


def parse_box(text: str) -> BoxPrompt:
    """Parse ``x,y,w,h`` (frame 0) or ``FRAME:x,y,w,h``.

    >>> parse_box("50:10,20,30,40.5")
    BoxPrompt(frame=50, box=(10.0, 20.0, 30.0, 40.5))
    """
    match = re.fullmatch(r"(?:(\d+):)?(.*)", text, re.DOTALL)
    assert match is not None  # any text matches
    try:
        x, y, width, height = (float(side) for side in match[2].split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected FRAME:x,y,w,h, got {text!r}") from None
    return BoxPrompt(int(match[1] or 0), (x, y, width, height))
