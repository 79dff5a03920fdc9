"""Clips made of one still image, for training on images and videos together.

The order and the ranges are those of the released code, which draws with imgaug 0.4.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ltr.data.randomness import Generators
from ltr.data.referring.clip import Clip

_MAX_BRIGHTNESS = 40.0
_MAX_COLOUR_SHIFT = 5
_CORNER_SPREAD = 0.08
_MAX_ROTATION = 20.0
_MAX_TRANSLATION = 0.1
_BLUR_PROBABILITY = 0.25
_BLUR_SIDES = (9, 11)


def pseudo_clip(clip: Clip, count: int, random: Generators) -> Clip:
    """Make a clip of one image: the image and changed copies of it, in random order.

    Args:
        clip: A clip of a single frame.
        count: Frames of the result, the image itself among them.
        random: Draws.
    """
    image, mask = clip.images[0], clip.masks[0]
    pairs = [(image, mask), *(_changed_copy(image, mask, random) for _ in range(count - 1))]
    random.python.shuffle(pairs)
    images: Sequence[np.ndarray] = [pair[0] for pair in pairs]
    return Clip.of_masks(images, np.stack([pair[1] for pair in pairs]), clip.sentence)


def _changed_copy(
    image: np.ndarray, mask: np.ndarray, random: Generators
) -> tuple[np.ndarray, np.ndarray]:
    """Colours, perspective, rotation with translation, motion blur; uint8 and bool as given."""
    pixels = mask.astype(np.uint8)
    image, pixels = zoom_into_quadrilateral(change_colours(image, random), pixels, random)
    image, pixels = _rotate_and_move(image, pixels, random)
    draw = random.python
    if draw.random() < _BLUR_PROBABILITY:
        side, balance = draw.choice(_BLUR_SIDES), (draw.uniform(-1, 1) + 1) / 2
        image = cv2.filter2D(image, -1, motion_kernel(side, balance, draw.uniform(0, 360)))
    return image, pixels.astype(bool)


def change_colours(image: np.ndarray, random: Generators) -> np.ndarray:
    """Change the brightness, or hue and saturation, or both, uint8 (H, W, 3) RGB.

    Half of the copies get both; the others one of the two, equally often.
    """
    draw = random.python
    changes_both = draw.random() < 0.5
    changes_brightness = changes_both or draw.random() < 0.5
    if changes_brightness:
        offset = round(draw.uniform(-_MAX_BRIGHTNESS, _MAX_BRIGHTNESS))
        image = (image.astype(np.int16) + offset).clip(0, 255).astype(np.uint8)
    if changes_both or not changes_brightness:
        image = _shift_hue(image, draw.randint(-_MAX_COLOUR_SHIFT, _MAX_COLOUR_SHIFT))
    return image


def _shift_hue(image: np.ndarray, shift: int) -> np.ndarray:
    """Add one number to the saturation (0..255), and as a share of the circle to the hue."""
    colours = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.int16)
    colours[..., 0] = (colours[..., 0] + int(shift / 255 * 180)) % 180
    colours[..., 1] = (colours[..., 1] + shift).clip(0, 255)
    return cv2.cvtColor(colours.astype(np.uint8), cv2.COLOR_HSV2RGB)


def zoom_into_quadrilateral(
    image: np.ndarray, pixels: np.ndarray, random: Generators
) -> tuple[np.ndarray, np.ndarray]:
    """Move the four corners inwards and stretch what they enclose to the whole frame.

    Args:
        image: uint8 (H, W, 3).
        pixels: uint8 (H, W), the mask.
        random: Draws each coordinate's shift, the absolute value of a Gaussian of 8 % of the side.
    """
    height, width = pixels.shape
    draw = random.python
    shifts = np.array([abs(draw.gauss(0, _CORNER_SPREAD)) % 1 for _ in range(8)]).reshape(4, 2)
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    inwards = np.where(corners == 0, shifts, 1 - shifts) * (width, height)
    top_left, top_right, bottom_right, bottom_left = inwards
    across = _longer(top_right - top_left, bottom_right - bottom_left)
    down = _longer(bottom_right - top_right, bottom_left - top_left)
    matrix = cv2.getPerspectiveTransform(
        inwards.astype(np.float32), (corners * (across, down)).astype(np.float32)
    )
    enlarges = width > across or height > down
    back = cv2.INTER_AREA if enlarges else cv2.INTER_LINEAR
    image = cv2.warpPerspective(image, matrix, (across, down), flags=cv2.INTER_LINEAR)
    pixels = cv2.warpPerspective(pixels, matrix, (across, down), flags=cv2.INTER_NEAREST)
    return (
        cv2.resize(image, (width, height), interpolation=back),
        cv2.resize(pixels, (width, height), interpolation=cv2.INTER_NEAREST),
    )


def _longer(first: np.ndarray, second: np.ndarray) -> int:
    """Length of the longer of two edges in whole pixels, at least 2."""
    return max(2, int(np.hypot(*first)), int(np.hypot(*second)))


def _rotate_and_move(
    image: np.ndarray, pixels: np.ndarray, random: Generators
) -> tuple[np.ndarray, np.ndarray]:
    """Rotate about the centre, then move both axes by one share of their side; black outside."""
    height, width = pixels.shape
    draw = random.python
    degrees = draw.uniform(-_MAX_ROTATION, _MAX_ROTATION)
    share = draw.uniform(-_MAX_TRANSLATION, _MAX_TRANSLATION)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    matrix[:, 2] += share * width, share * height
    return (
        cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR),
        cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_NEAREST),
    )


def motion_kernel(side: int, balance: float, degrees: float) -> np.ndarray:
    """A line through the centre whose weight rises or falls along it, float32 (side, side).

    Args:
        side: Length of the line in pixels, odd.
        balance: Weight of one end, 0..1; the other end has the rest.
        degrees: Direction of the line.
    """
    line = np.zeros((side, side), np.uint8)
    line[:, side // 2] = (np.linspace(balance, 1 - balance, side) * 255).astype(np.uint8)
    centre = (side // 2, side // 2)
    turn = cv2.getRotationMatrix2D(centre, degrees, 1.0)
    kernel = cv2.warpAffine(line, turn, (side, side), flags=cv2.INTER_LINEAR).astype(np.float32)
    return kernel / kernel.sum()
