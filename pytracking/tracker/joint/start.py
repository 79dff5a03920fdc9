"""The start boxes of new objects."""

from __future__ import annotations

import numpy as np

from ltr.data.bounding_boxes import Box
from pytracking.tracker.frame_info import FrameInfo


def start_boxes(info: FrameInfo) -> list[Box]:
    """Start box of every new object: the given one, or the extremes of its mask.

    The sides are ``xmax - xmin`` and ``ymax - ymin``, without the last pixel, as upstream.
    """
    labels = np.asarray(info.mask)
    return [info.boxes.get(number) or _extremes(labels == number) for number in info.object_ids]


def _extremes(mask: np.ndarray) -> Box:
    rows = np.flatnonzero(np.logical_or.reduce(mask, axis=1))
    columns = np.flatnonzero(np.logical_or.reduce(mask, axis=0))
    left, top = float(columns[0]), float(rows[0])
    return left, top, float(columns[-1]) - left, float(rows[-1]) - top
