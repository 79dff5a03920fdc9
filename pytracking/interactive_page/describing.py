"""The video, its prompts and its masks as the page wants them."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from ltr.data.interactive.scribbles import ScribbleLine
from pytracking.evaluation.prompt_types import Prompt
from pytracking.interactive_page.video import PageVideo


def describe_video(video: PageVideo, serial: int) -> dict[str, Any]:
    """Name and size of a video, JSON-like."""
    height, width = video.frames.shape
    return {
        "serial": serial,
        "name": video.name,
        "frames": len(video.frames),
        "length": video.length,
        "every": video.every,
        "width": width,
        "height": height,
        "fps": video.fps,
    }


def describe_prompts(prompts: Mapping[int, Prompt]) -> list[dict[str, Any]]:
    """What was drawn for every object of a frame, JSON-like."""
    return [
        {
            "object_id": key,
            "lines": describe_lines(prompt.scribbles),
            "points": [[p.x, p.y, int(p.is_positive)] for p in prompt.points],
            "box": prompt.box,
            "hasMask": prompt.mask is not None,
        }
        for key, prompt in prompts.items()
    ]


def describe_prompted(
    prompts: Mapping[int, Mapping[int, Prompt]], new_frames: Collection[int]
) -> list[dict[str, Any]]:
    """All frames with prompts, JSON-like."""
    return [
        {"frame": frame, "isNew": frame in new_frames, "objects": describe_prompts(drawn)}
        for frame, drawn in prompts.items()
    ]


def describe_lines(lines: Sequence[ScribbleLine]) -> list[dict[str, Any]]:
    """Lines, JSON-like; points are fractions of width and height."""
    return [{"object_id": line.object_id, "path": line.path.round(5).tolist()} for line in lines]


def encode_mask(labels: np.ndarray, palette: np.ndarray, hidden: Sequence[int] = ()) -> bytes:
    """A label map as a palette PNG; 0 and hidden objects are transparent."""
    picture = Image.fromarray(labels).convert("P")
    picture.putpalette(palette.astype(np.uint8).tobytes())
    opacity = bytearray([0, *[255] * 255])
    for key in hidden:
        opacity[key] = 0
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", transparency=bytes(opacity), compress_level=1)
    return buffer.getvalue()
