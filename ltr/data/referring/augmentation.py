"""Random changes of clips: one geometry for all frames, colours for each frame alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ltr.data.randomness import Generators
from ltr.data.referring.clip import Clip, check, crop, fit_size, mirror, resize

VIDEO_SIDES = (288, 320, 352, 392, 416, 448, 480, 512)
IMAGE_SIDES = tuple(range(480, 769, 32))
CROPPED_IMAGE_SIDES = (296, 328, 360, 392, 416, 448, 480, 512)

_BRIGHTNESS = 32.0
_CONTRAST = (0.5, 1.5)
_HUE = 18.0


@dataclass(frozen=True)
class ClipAugmentation:
    """Mirror, distort the colours, then resize; or resize, crop and resize.

    Args:
        short_sides: Shorter sides of the result, pixels; one is drawn.
        max_size: Limit of the longer side, pixels.
        cropped_short_sides: Shorter sides of the result after a crop, pixels; one is drawn.
        cropped_max_size: Limit of the longer side after a crop, pixels.
        short_sides_before_crop: Shorter sides of the image from which is cropped.
        crop_range: Smallest and largest side of a crop, limited by the image.
        crop_probability: How often is cropped.
        photometric_distortion: Whether colours change.
        horizontal_flip: Whether half the clips are mirrored.
    """

    short_sides: tuple[int, ...] = VIDEO_SIDES
    max_size: int = 640
    cropped_short_sides: tuple[int, ...] = VIDEO_SIDES
    cropped_max_size: int = 640
    short_sides_before_crop: tuple[int, ...] = (400, 500, 600)
    crop_range: tuple[int, int] = (384, 600)
    crop_probability: float = 0.5
    photometric_distortion: bool = True
    horizontal_flip: bool = True

    def __call__(self, clip: Clip, random: Generators) -> Clip:
        """Change a clip; where its object is, is checked at the end."""
        draw = random.python
        if self.horizontal_flip and draw.random() < 0.5:
            clip = mirror(clip)
        if self.photometric_distortion:
            images = [distort_colours(image, random) for image in clip.images]
            clip = replace(clip, images=np.stack(images))
        if draw.random() < self.crop_probability:
            clip = self._crop(clip, random)
            size = fit_size(clip.size, draw.choice(self.cropped_short_sides), self.cropped_max_size)
        else:
            size = fit_size(clip.size, draw.choice(self.short_sides), self.max_size)
        return check(resize(clip, size))

    def _crop(self, clip: Clip, random: Generators) -> Clip:
        draw = random.python
        clip = resize(clip, fit_size(clip.size, draw.choice(self.short_sides_before_crop)))
        least, most = self.crop_range
        height, width = (draw.randint(min(least, side), min(most, side)) for side in clip.size)
        top = draw.randint(0, clip.size[0] - height)
        left = draw.randint(0, clip.size[1] - width)
        return crop(clip, top, left, height, width)


IMAGE_AUGMENTATION = ClipAugmentation(
    short_sides=IMAGE_SIDES,
    max_size=800,
    cropped_short_sides=CROPPED_IMAGE_SIDES,
    photometric_distortion=False,
)
"""Of the pre-training on single images."""


def distort_colours(image: np.ndarray, random: Generators) -> np.ndarray:
    """Change brightness, contrast, saturation, hue and the order of the channels.

    As upstream, the conversion takes RGB for BGR, and values beyond 0..255 wrap around.

    Args:
        image: uint8 (H, W, 3).
        random: Every change happens in half of the cases.
    """
    draw = random.python
    pixels = image.astype(np.float32)
    if draw.random() < 0.5:
        pixels += np.float32(draw.uniform(-_BRIGHTNESS, _BRIGHTNESS))
    contrast_first = draw.random() < 0.5
    if contrast_first:
        pixels = _scale_contrast(pixels, random)
    pixels = _turn_hue(pixels, random)
    if not contrast_first:
        pixels = _scale_contrast(pixels, random)
    if draw.random() < 0.5:
        pixels = pixels[..., draw.sample(range(3), 3)]
    return pixels.astype(np.int32).astype(np.uint8)


def _scale_contrast(pixels: np.ndarray, random: Generators) -> np.ndarray:
    draw = random.python
    return pixels * np.float32(draw.uniform(*_CONTRAST)) if draw.random() < 0.5 else pixels


def _turn_hue(pixels: np.ndarray, random: Generators) -> np.ndarray:
    """Scale the saturation and turn the hue, float (H, W, 3) in 0..255."""
    draw = random.python
    colours = cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV)
    if draw.random() < 0.5:
        colours[..., 1] = colours[..., 1] * np.float32(draw.uniform(*_CONTRAST))
    if draw.random() < 0.5:
        colours[..., 0] = (colours[..., 0] + np.float32(draw.uniform(-_HUE, _HUE))) % 360
    return cv2.cvtColor(colours, cv2.COLOR_HSV2BGR)


def displace(
    image: np.ndarray, mask: np.ndarray, random: Generators
) -> tuple[np.ndarray, np.ndarray]:
    """Turn, scale and move a frame a little, as if it were another one of its video.

    Args:
        image: uint8 (H, W, 3).
        mask: bool (H, W).
        random: Draws up to 10 degrees, 10 % of the scale and 10 % of the sides.
    """
    draw, (height, width) = random.python, mask.shape
    scale, degrees = draw.uniform(0.9, 1.1), draw.uniform(-10, 10)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, scale)
    matrix[:, 2] += draw.uniform(-0.1, 0.1) * width, draw.uniform(-0.1, 0.1) * height
    moved = cv2.warpAffine(image, matrix, (width, height))
    pixels = mask.astype(np.uint8)
    moved_mask = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_NEAREST)
    return moved, moved_mask.astype(bool)
