"""A short clip with known masks, made of photographs that ship inside the package.

An astronaut, a cat and a cup of coffee move in front of a launch pad: they turn, grow and shrink,
pass in front of each other, and the camera moves too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from ltr.data.image_io import read_image

SIZE = (640, 360)

# Outlines in pixels of the photographs, drawn by hand.
_ASTRONAUT = (
    (20, 511), (22, 440), (18, 385), (28, 320), (42, 275), (60, 240), (110, 207), (113, 188),
    (125, 170), (140, 155), (160, 149), (181, 148), (178, 132), (165, 120), (155, 98), (154, 72),
    (164, 50), (190, 40), (200, 25), (230, 16), (262, 20), (285, 40), (298, 65), (301, 97),
    (290, 120), (275, 134), (262, 150), (256, 176), (285, 200), (302, 225), (305, 238), (325, 250),
    (345, 275), (357, 310), (364, 347), (400, 343), (440, 352), (470, 380), (490, 420), (497, 460),
    (511, 480), (511, 511),
)  # fmt: skip
_COFFEE = (
    (79, 215), (84, 170), (104, 130), (134, 95), (172, 74), (182, 55), (205, 35), (240, 22),
    (285, 18), (330, 22), (370, 40), (395, 65), (412, 66), (424, 76), (419, 104), (445, 130),
    (468, 170), (478, 215), (474, 260), (455, 305), (420, 345), (370, 374), (320, 387), (270, 386),
    (215, 371), (165, 339), (120, 299), (92, 260),
)  # fmt: skip
_CAT_ELLIPSE = ((205, 150), (165, 146))

_SOFT_EDGE_PX = 1.2
_NOISE = 3.0
_BACKGROUND_SCALE = 1.25


class ClipFrame(NamedTuple):
    """A frame and the truth about it.

    Args:
        image: uint8 (360, 640, 3) RGB.
        labels: uint8 (360, 640): 1 astronaut, 2 cat, 3 coffee; what hides another object wins.
    """

    image: np.ndarray
    labels: np.ndarray


class _Cutout(NamedTuple):
    pixels: np.ndarray
    cover: np.ndarray


class _Pose(NamedTuple):
    """Centre as a share of width and height, height as a share of the frame's, turn in degrees."""

    x: float
    y: float
    height: float
    turn: float


class _Actor(NamedTuple):
    label: int
    cutout: _Cutout
    pose: Callable[[float], _Pose]


def demo_clip(frames: int = 40, seed: int = 0) -> Iterator[ClipFrame]:
    """Draw the clip; however many frames it has, it shows the same scene.

    Args:
        frames: Number of frames, at least 2.
        seed: Seed of the sensor noise.

    Yields:
        The frames in order.

    Raises:
        DataError: A photograph of the package is missing.
    """
    actors, background = _load_scene()
    generator = np.random.default_rng(seed)
    for index in range(frames):
        moment = index / max(1, frames - 1)
        image = _backdrop(background, moment).astype(np.float32)
        labels = np.zeros(image.shape[:2], np.uint8)
        for actor in actors:
            image, cover = _paste(image, actor.cutout, actor.pose(moment))
            labels[cover > 0.5] = actor.label
        image = image * (1 + 0.06 * math.sin(2 * math.pi * moment))
        image += generator.normal(0, _NOISE, image.shape)
        yield ClipFrame(np.clip(image, 0, 255).astype(np.uint8), labels)


def _load_scene() -> tuple[list[_Actor], np.ndarray]:
    """The actors from back to front, and the photograph behind them."""
    coffee = _cut(_photograph("coffee.png"), polygon=_COFFEE)
    astronaut = _cut(_photograph("astronaut.png"), polygon=_ASTRONAUT)
    cat = _cut(_photograph("chelsea.png"), ellipse=_CAT_ELLIPSE)
    actors = [
        _Actor(3, coffee, _coffee_pose),
        _Actor(1, astronaut, _astronaut_pose),
        _Actor(2, cat, _cat_pose),
    ]
    return actors, _photograph("rocket.jpg")


def _photograph(name: str) -> np.ndarray:
    """A photograph of the package, uint8 (H, W, 3) RGB."""
    return read_image(Path(__file__).with_name("demo_photographs") / name)


def _coffee_pose(moment: float) -> _Pose:
    """From the right to the left, behind the astronaut, swinging."""
    swing = math.sin(2 * math.pi * moment)
    return _Pose(0.86 - 0.66 * moment, 0.46 + 0.06 * swing, 0.34 + 0.08 * moment, 18 * swing)


def _astronaut_pose(moment: float) -> _Pose:
    """Along the lower edge to the right, coming nearer."""
    height = 0.86 + 0.12 * moment
    return _Pose(0.36 + 0.2 * moment, 1.04 - height / 2 + 0.06, height, 3 * math.sin(4 * moment))


def _cat_pose(moment: float) -> _Pose:
    """An arc from the left in front of the others, turning, largest in the middle."""
    arc = math.sin(math.pi * moment)
    return _Pose(0.13 + 0.72 * moment, 0.72 - 0.08 * arc, 0.36 + 0.14 * arc, 40 * moment - 20)


def _cut(
    photograph: np.ndarray,
    polygon: tuple[tuple[int, int], ...] = (),
    ellipse: tuple[tuple[int, int], tuple[int, int]] | None = None,
) -> _Cutout:
    """Cut an object out of its photograph, with a soft edge."""
    cover = np.zeros(photograph.shape[:2], np.float32)
    if ellipse is not None:
        centre, radii = ellipse
        cv2.ellipse(cover, centre, radii, 0, 0, 360, 1.0, cv2.FILLED)
    else:
        cv2.fillPoly(cover, [np.array(polygon, np.int32)], 1.0)
    return _Cutout(photograph, cv2.GaussianBlur(cover, (0, 0), _SOFT_EDGE_PX))


def _backdrop(photograph: np.ndarray, moment: float) -> np.ndarray:
    """The part of the photograph that the camera sees: it pans right and zooms in a little."""
    width, height = SIZE
    scale = width / photograph.shape[1] * _BACKGROUND_SCALE * (1 + 0.06 * moment)
    left = (photograph.shape[1] * scale - width) * (0.15 + 0.7 * moment)
    top = (photograph.shape[0] * scale - height) * 0.75
    place = np.array([[scale, 0, -left], [0, scale, -top]])
    return cv2.warpAffine(photograph, place, SIZE, borderMode=cv2.BORDER_REPLICATE)


def _paste(image: np.ndarray, cutout: _Cutout, pose: _Pose) -> tuple[np.ndarray, np.ndarray]:
    """Draw a cutout over a float image; the new image, and the share of each pixel it covers."""
    rows, columns = cutout.cover.shape
    scale = pose.height * SIZE[1] / rows
    place = cv2.getRotationMatrix2D((columns / 2, rows / 2), pose.turn, scale)
    place[:, 2] += (pose.x * SIZE[0] - columns / 2, pose.y * SIZE[1] - rows / 2)
    pixels = cv2.warpAffine(cutout.pixels, place, SIZE, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpAffine(cutout.cover, place, SIZE)
    return image + (pixels - image) * cover[..., None], cover
