"""Clips that are drawn: textured shapes of known colour, motion and place over a textured ground.

Shapes turn and pass in front of each other while the camera moves. A clip is a function of its
seed, so a data set of them is a range of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from ltr.data.drawing import blend, texture

_CELL = 16  # of the ground's colours, pixels
_CAMERA_PATH = 24  # longest, pixels
_NOISE = 4.0
_PATCH = 64  # side of an object's surface before it is scaled
_SUBPIXEL_BITS = 4
_MARGIN = 0.14  # centres stay this share of a side away from the border
_TRAVEL = (0.3, 0.55)  # of the side that it goes along
_MAX_TURN = 6.0  # degrees per frame

_STEPS = MappingProxyType(
    {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "still": (0, 0)}
)
RADII: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"small": (0.13, 0.17), "large": (0.22, 0.3)}
)
"""Of shapes by their size, shares of the image's shorter side."""

COLOURS: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        "red": (205, 50, 45),
        "green": (55, 165, 70),
        "blue": (50, 85, 205),
        "yellow": (225, 205, 60),
        "purple": (145, 65, 175),
        "white": (235, 235, 235),
    }
)
MOTIONS = tuple(_STEPS)
SIZES = tuple(RADII)
PLACES = ("left", "right", "top", "bottom", "middle")


def _corners(count: int, inner: float = 1.0) -> np.ndarray:
    """A regular outline of radius one; every second corner lies at ``inner``."""
    angles = np.arange(count) * 2 * math.pi / count - math.pi / 2
    radii = np.where(np.arange(count) % 2, inner, 1.0)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]


def _cross(arm: float = 0.36) -> np.ndarray:
    quarter = np.array([(arm, -arm), (arm, -1.0), (-arm, -1.0)])
    turns = [np.array([[c, -s], [s, c]]) for c, s in ((1, 0), (0, -1), (-1, 0), (0, 1))]
    return np.concatenate([quarter @ turn.T for turn in turns])


_OUTLINES: Mapping[str, np.ndarray] = MappingProxyType(
    {
        "disc": _corners(48),
        "square": _corners(4),
        "triangle": _corners(3),
        "star": _corners(10, 0.45),
        "cross": _cross(),
    }
)
SHAPES = tuple(_OUTLINES)


@dataclass(frozen=True)
class SyntheticObject:
    """What can be said about an object.

    Args:
        shape: One of ``SHAPES``.
        colour: One of ``COLOURS``.
        motion: One of ``MOTIONS``: where it goes.
        place: One of ``PLACES``: where it is in the first frame.
        size: One of ``SIZES``.
        kind: What all objects of this sort are called.
    """

    shape: str
    colour: str
    motion: str
    place: str
    size: str
    kind: str = "shape"


@dataclass(frozen=True)
class SyntheticClip:
    """A clip and the truth about it.

    Args:
        images: uint8 (H, W, 3) RGB, frame by frame.
        labels: uint8 (H, W), what can be seen of the objects: id 1 is the first of ``objects``, a
            higher id is nearer.
        objects: Of those of ``render_clip`` no two have both shape and colour in common.
    """

    images: Sequence[np.ndarray]
    labels: Sequence[np.ndarray]
    objects: tuple[SyntheticObject, ...]


class Drawable(Protocol):
    """An object that can be drawn at any time: 0 in the first frame, 1 in the last."""

    def at(self, time: float, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Pixels, uint8 (H, W, 3), and opacity, float32 (H, W), in an image of a size."""


class ObjectPath(NamedTuple):
    """How an object moves through a clip.

    Args:
        motion: One of ``MOTIONS``.
        size: One of ``SIZES``.
        start: Centre in the first frame, x and y as shares of width and height.
        travel: From there to the centre in the last one.
    """

    motion: str
    size: str
    start: np.ndarray
    travel: np.ndarray

    def centre(self, time: float, size: tuple[int, int]) -> np.ndarray:
        """Where it is at a time, x and y in pixels, in an image of a height and width."""
        return (self.start + self.travel * time) * np.array(size[::-1], float)


@dataclass(frozen=True)
class _Sprite:
    """A shape that can be drawn; see ``Drawable``.

    Args:
        outline: (corners, 2) of radius one.
        surface: uint8 (_PATCH, _PATCH, 3).
        radius: Pixels.
        path: Where it is.
        angle: Degrees at a time.
    """

    outline: np.ndarray
    surface: np.ndarray
    radius: float
    path: ObjectPath
    angle: Callable[[float], float]

    def at(self, time: float, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """See ``Drawable``."""
        return _surface(self, time, size), _cover(self, time, size)


def render_clip(
    seed: int,
    frames: int = 12,
    size: tuple[int, int] = (96, 160),
    min_objects: int = 1,
    max_objects: int = 3,
    shapes: Sequence[str] = SHAPES,
    colours: Sequence[str] = tuple(COLOURS),
) -> SyntheticClip:
    """Draw a clip; equal arguments give equal pixels.

    Args:
        seed: Seed of everything random, >= 0.
        frames: Length.
        size: Height and width, at least 32 pixels.
        min_objects: Smallest number of objects.
        max_objects: Largest number of objects.
        shapes: Those that occur.
        colours: Those that occur; together at least ``max_objects`` looks.
    """
    rng = np.random.default_rng(seed)
    ground = drawn_ground(rng, frames, size)
    looks = [(shape, colour) for shape in shapes for colour in colours]
    count = int(rng.integers(min_objects, max_objects + 1))
    chosen = rng.choice(len(looks), count, replace=False)
    made = [draw_shape(looks[number], frames, size, rng) for number in chosen]
    return compose(ground, made, rng)


def drawn_ground(rng: np.random.Generator, frames: int, size: tuple[int, int]) -> list[np.ndarray]:
    """Clouds over which the camera moves, uint8 (H, W, 3), frame by frame."""
    height, width = size
    ground = texture(rng, height + _CAMERA_PATH, width + _CAMERA_PATH, _CELL, 60, 190)
    path = rng.integers(0, _CAMERA_PATH + 1, (2, 2))
    views = []
    for frame in range(frames):
        time = frame / max(frames - 1, 1)
        top, left = np.rint(path[0] + (path[1] - path[0]) * time).astype(int).tolist()
        views.append(ground[top : top + height, left : left + width])
    return views


def compose(
    ground: Sequence[np.ndarray],
    made: Sequence[tuple[SyntheticObject, Drawable]],
    rng: np.random.Generator,
) -> SyntheticClip:
    """Draw objects over a ground, the first one lowest, and add noise."""
    size = ground[0].shape[0], ground[0].shape[1]
    images, labels = [], []
    for frame, image in enumerate(ground):
        time = frame / max(len(ground) - 1, 1)
        label_map = np.zeros(size, np.uint8)
        for number, (_, drawable) in enumerate(made, 1):
            pixels, opacity = drawable.at(time, size)
            image = blend(image, pixels, opacity)
            label_map[opacity > 0.5] = number
        noisy = image + rng.normal(0, _NOISE, image.shape)
        images.append(np.clip(noisy, 0, 255).astype(np.uint8))
        labels.append(label_map)
    return SyntheticClip(images, labels, tuple(known for known, _ in made))


def draw_path(rng: np.random.Generator) -> ObjectPath:
    """A random motion and size, and a way through the image that fits them."""
    motion, size = str(rng.choice(MOTIONS)), str(rng.choice(SIZES))
    travel = np.array(_STEPS[motion]) * rng.uniform(*_TRAVEL)
    lowest = _MARGIN - np.minimum(travel, 0)
    start = lowest + (1 - 2 * _MARGIN - np.abs(travel)) * rng.random(2)
    return ObjectPath(motion, size, start, travel)


def draw_shape(
    look: tuple[str, str], frames: int, size: tuple[int, int], rng: np.random.Generator
) -> tuple[SyntheticObject, Drawable]:
    """An object of a shape and colour that moves at random through ``frames`` frames."""
    shape, colour = look
    path = draw_path(rng)
    angle, turn = rng.uniform(0, 360), rng.uniform(-_MAX_TURN, _MAX_TURN)
    sprite = _Sprite(
        outline=_OUTLINES[shape],
        surface=_draw_surface(COLOURS[colour], rng),
        radius=rng.uniform(*RADII[path.size]) * min(size),
        path=path,
        angle=lambda time: angle + turn * time * (frames - 1),
    )
    return SyntheticObject(shape, colour, path.motion, place_of(*path.start), path.size), sprite


def as_stored(clip: SyntheticClip) -> SyntheticClip:
    """The clip as it is read back from JPEG files, whose blocks blur small shapes."""
    return replace(clip, images=[_through_jpeg(image) for image in clip.images])


def _through_jpeg(image: np.ndarray) -> np.ndarray:
    encoded = cv2.imencode(".jpg", image[..., ::-1])[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    assert decoded is not None  # just encoded
    return decoded[..., ::-1]


def place_of(x: float, y: float) -> str:
    """Name the part of the image of a point, given as shares of width and height.

    >>> place_of(0.1, 0.9), place_of(0.5, 0.9), place_of(0.5, 0.5)
    ('left', 'bottom', 'middle')
    """
    for share, names in ((x, ("left", "right")), (y, ("top", "bottom"))):
        if share < 1 / 3:
            return names[0]
        if share > 2 / 3:
            return names[1]
    return "middle"


def _draw_surface(colour: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Stripes, checks or clouds that darken and lighten a colour."""
    kind = rng.integers(3)
    rows, columns = np.mgrid[:_PATCH, :_PATCH] * 2 * math.pi / rng.uniform(10, 24)
    if kind == 0:
        pattern = np.sin(rows)
    elif kind == 1:
        pattern = np.sign(np.sin(rows) * np.sin(columns))
    else:
        pattern = texture(rng, _PATCH, _PATCH, _PATCH // 5)[..., 0] / 64.0 - 2.0
    shade = 1 + 0.22 * pattern[..., None]
    return np.clip(np.array(colour) * shade, 0, 255).astype(np.uint8)


def _cover(sprite: _Sprite, time: float, size: tuple[int, int]) -> np.ndarray:
    """Opacity of an object, float32 (H, W), with a smooth edge."""
    turn = math.radians(sprite.angle(time))
    matrix = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    points = sprite.outline @ matrix.T * sprite.radius + sprite.path.centre(time, size)
    cover = np.zeros(size, np.uint8)
    fixed = np.rint(points * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(cover, [fixed], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return cover.astype(np.float32) / 255


def _surface(sprite: _Sprite, time: float, size: tuple[int, int]) -> np.ndarray:
    """The object's surface, turned and moved with it, uint8 (H, W, 3)."""
    middle = (_PATCH / 2, _PATCH / 2)
    scale = 2.1 * sprite.radius / _PATCH
    matrix = cv2.getRotationMatrix2D(middle, -sprite.angle(time), scale)
    matrix[:, 2] = matrix[:, 2] + (sprite.path.centre(time, size) - middle)
    return cv2.warpAffine(sprite.surface, matrix, size[::-1], borderMode=cv2.BORDER_REPLICATE)
