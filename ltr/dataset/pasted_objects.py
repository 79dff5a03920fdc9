"""Clips made on the fly: objects cut out of real videos, moving over frames of other videos.

A handful of annotated videos becomes as many clips as are asked for. The target is an object cut
out along its mask, which keeps moving as in its video, its outline filled with a piece of a frame,
or a random shape filled in the same way. It moves, turns and grows over a real background; other
objects pass below and above it. Some clips show the target where it really is, and only the others
are pasted.
"""

from __future__ import annotations

import math
import random as python_random
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import box_of_mask
from ltr.data.drawing import blend
from ltr.data.image_io import read_image
from ltr.data.randomness import Generators
from ltr.data.transforms import Frame
from ltr.data.unlabelled_videos import UnlabelledVideos
from ltr.data.video_dataset import VideoDataset
from ltr.dataset.image_base import ImageVideos

_OWN_SCENE_PROBABILITY = 0.25
_SCENERY_PROBABILITY = 0.5
_SHAPE_PROBABILITY = 0.35
_FILLED_PROBABILITY = 0.5
_RECOLOUR_PROBABILITY = 0.5
_BLUR_PROBABILITY = 0.2
_STILL_SCENE_PROBABILITY = 0.3
_TWIN_PROBABILITY = 0.15
_MAX_BELOW = 2
_MAX_ABOVE = 1
_MAX_STEP = 8
_MIN_PIXELS = 30
# Side of a square as large as the object, relative to the image's shorter side.
_SIZES = (0.12, 0.6)
# What hides more of the target in a frame is left out of that frame.
_MIN_VISIBLE = 0.3


@dataclass(frozen=True)
class Sprite:
    """What is pasted, frame by frame.

    Args:
        images: uint8 (h, w, 3), the object and what surrounds it in its box.
        masks: float32 (h, w), 1 on the object.
    """

    images: Sequence[np.ndarray]
    masks: Sequence[np.ndarray]


class PastedObjects(ImageVideos):
    """Moving cut-outs over real frames; every sequence shows the object of one real sequence.

    Args:
        videos: Annotated videos, in single-object mode.
        scenery: Videos without labels, which give half of the backgrounds and fillings.

    Raises:
        DataError: There are fewer than two sequences.
    """

    def __init__(self, videos: VideoDataset, scenery: UnlabelledVideos | None = None) -> None:
        name, count = videos.get_name(), videos.get_num_sequences()
        if count < 2:
            raise DataError(f"pasting needs two or more sequences, {name} has {count}")
        super().__init__(f"pasted:{name}" + (f"+{scenery.name}" if scenery else ""), count)
        self.videos = videos
        self.scenery = [scenery.frames(i) for i in range(len(scenery))] if scenery else []

    def make_frames(self, sequence_id: int, count: int, random: Generators) -> list[Frame]:
        """Make a clip of ``count`` frames in order of time."""
        draw = random.python
        is_pasted = draw.random() >= _OWN_SCENE_PROBABILITY
        make_scene = self._pasted_scene if is_pasted else self._own_scene
        images, masks = make_scene(sequence_id, count, draw)
        whole = [mask.sum() for mask in masks]
        for layer in self._others(sequence_id, images, _MAX_ABOVE, draw):
            for index, (pixels, alpha) in enumerate(layer):
                rest = masks[index] * (1 - alpha)
                if rest.sum() > _MIN_VISIBLE * whole[index]:
                    images[index] = blend(images[index], pixels, alpha)
                    masks[index] = rest
        images = _blur(images, draw)
        return [_frame(image, mask) for image, mask in zip(images, masks, strict=True)]

    def _own_scene(
        self, sequence_id: int, count: int, draw: python_random.Random
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Frames and masks as they are, but for their colours."""
        images, masks = self._read(sequence_id, count, draw)
        return _recolour(images, draw), masks

    def _pasted_scene(
        self, sequence_id: int, count: int, draw: python_random.Random
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The target above others on a background, and its opacity in every frame."""
        images = self._background(sequence_id, count, draw)
        target = place(self._sprite(sequence_id, count, draw), images[0].shape[1::-1], draw)
        for layer in [*self._others(sequence_id, images, _MAX_BELOW, draw), target]:
            images = [blend(image, *cover) for image, cover in zip(images, layer, strict=True)]
        return images, [alpha for _, alpha in target]

    def _background(
        self, sequence_id: int, count: int, draw: python_random.Random
    ) -> list[np.ndarray]:
        """Frames of another video, or one of them repeated."""
        if self.scenery and draw.random() < _SCENERY_PROBABILITY:
            images = self._read_scenery(count, draw)
        else:
            other = (sequence_id + draw.randint(1, self._count - 1)) % self._count
            images, _ = self._read(other, count, draw)
        if draw.random() < _STILL_SCENE_PROBABILITY:
            images = [images[0]] * count
        return _recolour(images, draw)

    def _others(
        self, sequence_id: int, images: Sequence[np.ndarray], limit: int, draw: python_random.Random
    ) -> list[list[tuple[np.ndarray, np.ndarray]]]:
        """Up to ``limit`` other objects, placed in ``images``; some look like the target."""
        layers = []
        for _ in range(draw.randint(0, limit)):
            is_twin = draw.random() < _TWIN_PROBABILITY
            number = sequence_id if is_twin else draw.randint(0, self._count - 1)
            sprite = self._sprite(number, len(images), draw)
            layers.append(place(sprite, images[0].shape[1::-1], draw))
        return layers

    def _sprite(self, sequence_id: int, count: int, draw: python_random.Random) -> Sprite:
        if draw.random() < _SHAPE_PROBABILITY:
            sprite = draw_shape(self._filling(sequence_id, draw), count, draw)
        else:
            sprite = cut_out(*self._read(sequence_id, count, draw))
            if draw.random() < _FILLED_PROBABILITY:
                sprite = fill(sprite, self._filling(sequence_id, draw), draw)
        return Sprite(_recolour(sprite.images, draw), sprite.masks)

    def _filling(self, sequence_id: int, draw: python_random.Random) -> np.ndarray:
        """A frame whose pieces fill shapes."""
        if self.scenery and draw.random() < _SCENERY_PROBABILITY:
            return self._read_scenery(1, draw)[0]
        return self._read(sequence_id, 1, draw)[0][0]

    def _read_scenery(self, count: int, draw: python_random.Random) -> list[np.ndarray]:
        """Neighbouring frames of a video without labels."""
        paths = draw.choice(self.scenery)
        start = draw.randint(0, len(paths) - 1)
        return [read_image(paths[min(start + index, len(paths) - 1)]) for index in range(count)]

    def _read(
        self, sequence_id: int, count: int, draw: python_random.Random
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Frames at equal distances that show the object."""
        info = self.videos.get_sequence_info(sequence_id)
        seen = np.flatnonzero(np.asarray(info["visible"]).reshape(len(info["visible"]), -1)[:, 0])
        if len(seen) == 0:
            raise DataError(f"{self.videos.get_name()} {info['sequence']} never shows its object")
        step = draw.randint(0, _MAX_STEP)
        start = draw.randint(0, len(seen) - 1)
        wanted = [min(start + step * index, len(seen) - 1) for index in range(count)]
        if draw.random() < 0.5:
            wanted.reverse()
        distinct = sorted(set(wanted))
        images, values, _ = self.videos.get_frames(sequence_id, seen[distinct].tolist(), info)
        order = [distinct.index(number) for number in wanted]
        return [images[i] for i in order], [values["mask"][i] for i in order]


def cut_out(images: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> Sprite:
    """Cut each frame to the box of its mask."""
    parts = []
    for mask in masks:
        x, y, width, height = box_of_mask(mask).astype(int).tolist()
        parts.append((slice(y, y + height), slice(x, x + width)))
    return Sprite(
        [image[part] for image, part in zip(images, parts, strict=True)],
        [mask[part].astype(np.float32) for mask, part in zip(masks, parts, strict=True)],
    )


def draw_shape(image: np.ndarray, count: int, draw: python_random.Random) -> Sprite:
    """A star-shaped outline of random radii, filled with a piece of an image."""
    piece = _piece(image, draw)
    sides = piece.shape[:2]
    corners = draw.randint(3, 14)
    least = draw.uniform(0.3, 1.0)
    radii = np.array([draw.uniform(least, 1.0) for _ in range(corners)])
    angles = np.arange(corners) * 2 * math.pi / corners
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]
    centre = np.array(sides[::-1]) / 2
    mask = np.zeros(sides, np.float32)
    cv2.fillPoly(mask, [np.rint(centre + points * (centre - 1)).astype(np.int32)], 1.0)
    if draw.random() < 0.5:
        mask = (cv2.GaussianBlur(mask, (0, 0), min(sides) / 12) > 0.5).astype(np.float32)
    return Sprite([piece] * count, [mask] * count)


def _piece(image: np.ndarray, draw: python_random.Random) -> np.ndarray:
    """A rectangle somewhere in an image."""
    height, width = (max(8, int(side * draw.uniform(0.2, 0.6))) for side in image.shape[:2])
    top = draw.randint(0, image.shape[0] - height)
    left = draw.randint(0, image.shape[1] - width)
    return image[top : top + height, left : left + width]


def fill(sprite: Sprite, image: np.ndarray, draw: python_random.Random) -> Sprite:
    """Give a sprite the look of a piece of an image, stretched to its box in every frame."""
    piece = _piece(image, draw)
    return Sprite([cv2.resize(piece, mask.shape[::-1]) for mask in sprite.masks], sprite.masks)


def place(
    sprite: Sprite, size: tuple[int, int], draw: python_random.Random
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Move a sprite through images of ``size`` (width, height).

    Returns:
        For each frame its pixels, uint8 (H, W, 3), and opacity, float32 (H, W).
    """
    first = sprite.masks[0]
    side = math.exp(draw.uniform(*map(math.log, _SIZES))) * min(size)
    scale = side / math.sqrt(max(float(first.sum()), 1.0))
    centre = np.array([draw.uniform(0.15, 0.85) * length for length in size])
    heading, pace = draw.uniform(0, 2 * math.pi), draw.uniform(0, 0.12) * min(size)
    velocity = pace * np.array([math.cos(heading), math.sin(heading)])
    angle, turn = draw.uniform(-20, 20), draw.uniform(-8, 8)
    growth = draw.uniform(-0.08, 0.08)
    is_flipped = draw.random() < 0.5
    placed = []
    for image, mask in zip(sprite.images, sprite.masks, strict=True):
        if is_flipped:
            image, mask = cv2.flip(image, 1), cv2.flip(mask, 1)
        height, width = mask.shape
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale)
        matrix[:, 2] += centre - (width / 2, height / 2)
        pixels = cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.GaussianBlur(cv2.warpAffine(mask, matrix, size), (3, 3), 0)
        placed.append((pixels, alpha))
        centre = np.clip(centre + velocity, 0.1 * np.array(size), 0.9 * np.array(size))
        centre = centre + [draw.gauss(0, 0.01) * min(size) for _ in range(2)]
        angle += turn + draw.gauss(0, 2)
        scale *= math.exp(growth + draw.gauss(0, 0.02))
    return placed


def _recolour(images: Sequence[np.ndarray], draw: python_random.Random) -> list[np.ndarray]:
    """Swap and scale the colour channels of all images alike, or of none."""
    if draw.random() >= _RECOLOUR_PROBABILITY:
        return list(images)
    order = draw.sample(range(3), 3)
    gains = np.array([draw.uniform(0.6, 1.3) for _ in range(3)], np.float32)
    return [np.clip(image[..., order] * gains, 0, 255).astype(np.uint8) for image in images]


def _blur(images: Sequence[np.ndarray], draw: python_random.Random) -> list[np.ndarray]:
    if draw.random() >= _BLUR_PROBABILITY:
        return list(images)
    sigma = draw.uniform(0.4, 1.2)
    return [cv2.GaussianBlur(image, (0, 0), sigma) for image in images]


def _frame(image: np.ndarray, opacity: np.ndarray) -> Frame:
    mask = (opacity > 0.5).astype(np.float32)
    if mask.sum() < _MIN_PIXELS:
        raise DataError("the pasted object can hardly be seen in one of the frames")
    return Frame(image, mask, box_of_mask(mask))
