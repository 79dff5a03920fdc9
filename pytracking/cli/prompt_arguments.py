"""Masks and boxes as they are named on the command line."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from pytracking.evaluation.prompt_types import BoxPrompt, MaskPrompt


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
