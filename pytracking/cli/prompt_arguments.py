"""Masks, boxes and points as they are named on the command line."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from pytracking.evaluation.prompt_types import BoxPrompt, MaskPrompt, Point, PointPrompt


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
    """Parse ``x,y,w,h`` (frame 0), ``FRAME:x,y,w,h`` or ``FRAME:ID:x,y,w,h``.

    >>> parse_box("50:10,20,30,40.5")
    BoxPrompt(frame=50, box=(10.0, 20.0, 30.0, 40.5), object_id=None)
    """
    match = re.fullmatch(r"(?:(\d+):)?(?:(\d+):)?(.*)", text, re.DOTALL)
    assert match is not None  # any text matches
    try:
        x, y, width, height = (float(side) for side in match[3].split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected FRAME:x,y,w,h, got {text!r}") from None
    object_id = None if match[2] is None else int(match[2])
    return BoxPrompt(int(match[1] or 0), (x, y, width, height), object_id)


def parse_point(text: str) -> PointPrompt:
    """Parse ``FRAME:ID:x,y``, with ``,-`` behind it where the object is not.

    >>> parse_point("50:2:10,20.5,-")
    PointPrompt(frame=50, object_id=2, point=Point(x=10.0, y=20.5, is_positive=False))
    """
    match = re.fullmatch(r"(\d+):(\d+):([^,]+),([^,]+)(,[+-])?", text)
    try:
        if match is None:
            raise ValueError
        x, y = float(match[3]), float(match[4])
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected FRAME:ID:X,Y or FRAME:ID:X,Y,-, got {text!r}"
        ) from None
    return PointPrompt(int(match[1]), int(match[2]), Point(x, y, match[5] != ",-"))
