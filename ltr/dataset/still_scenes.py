"""Backgrounds for clips that are put together: parts of still images without annotated objects."""

from __future__ import annotations

import random as python_random
from collections.abc import Iterable
from functools import lru_cache

import cv2
import numpy as np

from ltr.data.drawing import texture
from ltr.dataset.image_base import ImageDataset

_FREE = 0.01  # of a background may be an annotated object
_TRIES = 60
_WINDOW = (0.2, 0.6)  # sides of a background, shares of its picture's
_PAN = 0.1  # longest way of a background's window, share of the picture's sides
_PICTURES = 192  # kept in memory


class StillScenes:
    """Moving windows of pictures.

    Args:
        images: Gives the pictures.
        numbers: Their objects, all of those in the wanted pictures.
        size: Height and width of the windows when they are shown.
    """

    def __init__(self, images: ImageDataset, numbers: Iterable[int], size: tuple[int, int]) -> None:
        self.images = images
        self.size = size
        self._objects: dict[int, list[int]] = {}
        for number in numbers:
            self._objects.setdefault(images.get_picture(number), []).append(number)
        self._still = lru_cache(_PICTURES)(self._read_still)

    def still(self, draw: python_random.Random) -> tuple[np.ndarray, np.ndarray]:
        """A picture, uint8 (H, W, 3), and where it shows annotated objects, bool (H, W)."""
        return self._still(draw.choice(list(self._objects)))

    def background(self, frames: int, draw: python_random.Random) -> list[np.ndarray]:
        """A window that moves over a part of a picture without objects; clouds where none is."""
        for _ in range(_TRIES if self._objects else 0):
            image, is_object = self.still(draw)
            sides = np.array(is_object.shape)
            window = np.maximum(sides * draw.uniform(*_WINDOW), 8).astype(int)
            corners = np.array([[draw.random() for _ in sides] for _ in range(2)])
            corners[1] = corners[0] + np.clip(corners[1] - corners[0], -_PAN, _PAN)
            path = (sides - window) * np.linspace(corners[0], corners[1], frames)
            views = [
                (slice(top, top + window[0]), slice(left, left + window[1]))
                for top, left in path.astype(int).tolist()
            ]
            if max(is_object[view].mean() for view in views) < _FREE:
                return [cv2.resize(image[view], self.size[::-1]) for view in views]
        ground = texture(np.random.default_rng(draw.randrange(1 << 31)), *self.size, 16, 60, 190)
        return [ground] * frames

    def _read_still(self, picture: int) -> tuple[np.ndarray, np.ndarray]:
        numbers = self._objects[picture]
        masks = [self.images.get_mask(number) > 0 for number in numbers]
        return self.images.get_image(numbers[0]), np.logical_or.reduce(masks)
