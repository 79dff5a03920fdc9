"""Small pictures of the frames with the lowest scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.frame_files import find_mask
from pytracking.analysis.files.mask_reader import read_labels
from pytracking.analysis.metrics.scores import FrameSource, ObjectScores, Scores

_WIDTH = 360
_MAX_PER_OBJECT = 2
_BACKDROP = 70
_QUALITY = 85


@dataclass(frozen=True)
class WorstFrame:
    """One object in one frame.

    Args:
        name: Name of the object, ``<sequence>_<id>``.
        frame: Name of the frame.
        j: Region similarity.
        f: Boundary measure.
        truth: Picture with the annotation, a JPEG file.
        result: Picture with the result, a JPEG file.
    """

    name: str
    frame: str
    j: float
    f: float
    truth: bytes
    result: bytes


def draw_worst_frames(scores: Scores, count: int = 12) -> list[WorstFrame]:
    """Draw the frames with the lowest mean of J and F, at most two of an object.

    Frames whose files cannot be read any more are left out.
    """
    candidates = sorted(
        (float(item.j[place] + item.f[place]), index, int(place))
        for index, item in enumerate(scores.objects)
        for place in _lowest(item)
    )
    drawn: list[WorstFrame] = []
    for _, index, place in candidates:
        if len(drawn) == count:
            break
        item = scores.objects[index]
        source = scores.sources.get(item.name)
        if source is None:
            continue
        try:
            drawn.append(_draw(item, source, place))
        except DataError:
            continue
    return drawn


def _lowest(item: ObjectScores) -> np.ndarray:
    """Positions of the object's lowest frames."""
    order = np.argsort(item.j + item.f, kind="stable")  # NaN comes last
    return order[: min(_MAX_PER_OBJECT, int((~np.isnan(item.j)).sum()))]


def _draw(item: ObjectScores, source: FrameSource, place: int) -> WorstFrame:
    frame = item.frames[place]
    labels = [read_labels(find_mask(folder, frame)) for folder in (source.truth, source.results)]
    image = read_frame(source.images, frame, labels[0].shape)
    truth, result = (draw_labels(image, mask) for mask in labels)
    return WorstFrame(item.name, frame, float(item.j[place]), float(item.f[place]), truth, result)


def read_frame(folder: Path | None, frame: str, shape: tuple[int, int]) -> np.ndarray:
    """The picture of a frame; grey where there is none of the masks' size."""
    from ltr.data.frame_files import IMAGE_SUFFIXES
    from ltr.data.image_io import read_image

    for suffix in IMAGE_SUFFIXES:
        if folder is not None and (path := folder / f"{frame}{suffix}").is_file():
            image = read_image(path)
            if image.shape[:2] == shape:
                return image
    return np.full((*shape, 3), _BACKDROP, np.uint8)


def draw_labels(image: np.ndarray, labels: np.ndarray) -> bytes:
    """A small picture of a frame with its masks, a JPEG file.

    Args:
        image: uint8 (H, W, 3) RGB.
        labels: uint8 (H, W).
    """
    import cv2

    from pytracking.utils.overlay import draw_result

    drawn = draw_result(image, labels)
    scale = min(1.0, _WIDTH / drawn.shape[1])
    size = max(1, round(drawn.shape[1] * scale)), max(1, round(drawn.shape[0] * scale))
    small = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(
        ".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    return encoded.tobytes()
