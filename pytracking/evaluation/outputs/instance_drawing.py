"""Instances drawn over a frame: tinted, boxed and named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ltr.data.bounding_boxes import measure_objects
from pytracking.tracker.whole_video import InstanceTrack, label_map
from pytracking.utils.overlay import bright_palette, draw_result

_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_COMPLEX, 0.5
_WHITE = (255, 255, 255)


def draw_instances(
    image: np.ndarray,
    tracks: Sequence[InstanceTrack],
    position: int,
    names: Mapping[int, str],
) -> np.ndarray:
    """Draw the instances that are seen in a frame.

    Args:
        image: uint8 (H, W, 3) RGB.
        tracks: At most 254; each has the colour of its place.
        position: Index of the frame.
        names: Category names by id; a category without a name is labelled by its id.

    Returns:
        uint8 (H, W, 3), a new picture.
    """
    labels = label_map(tracks, position, image.shape[:2])
    picture = draw_result(image, labels)
    for number, (_, box) in measure_objects(labels).items():
        x, y, width, height = (int(side) for side in box)
        colour = bright_palette()[number].tolist()
        cv2.rectangle(picture, (x, y), (x + width, y + height), colour, 1)
        _write(picture, describe(tracks[number - 1], names), x, y)
    return picture


def describe(track: InstanceTrack, names: Mapping[int, str]) -> str:
    """Category and score, for instance ``dog:0.87``; the score alone without a category."""
    if track.category is None:
        return f"{track.score:.2f}"
    return f"{names.get(track.category, str(track.category))}:{track.score:.2f}"


def _write(picture: np.ndarray, text: str, x: int, y: int) -> None:
    """Write white on a dark plate above a box, or inside where there is no room."""
    (width, height), base = cv2.getTextSize(text, _FONT, _FONT_SCALE, 1)
    x = max(0, min(x, picture.shape[1] - width))
    bottom = y if y >= height + base else y + height + base
    plate = picture[max(0, bottom - height - base) : bottom, x : x + width]
    plate[:] = plate // 3
    cv2.putText(picture, text, (x, bottom - base), _FONT, _FONT_SCALE, _WHITE, 1, cv2.LINE_AA)
