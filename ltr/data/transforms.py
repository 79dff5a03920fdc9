"""Random changes of a training frame: image, mask and box stay together.

A step draws its parameters with ``roll`` and applies them with pure functions, so several frames
can share one roll. Images are uint8 (H, W, 3) arrays; points are (N, 2) in x, y of
pixel indices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
import torch

from ltr.data.randomness import Generators


@dataclass(frozen=True)
class Frame:
    """One frame of a training sample.

    Args:
        image: uint8 (H, W, 3).
        mask: float32 (H, W), 1 on the target.
        box: float32 (4,) of the target: x, y, width, height.
    """

    image: np.ndarray
    mask: np.ndarray
    box: np.ndarray


class FrameTensors(NamedTuple):
    """One frame as the network's input.

    Args:
        image: float32 (3, H, W), normalised.
        mask: float32 (H, W), 1 on the target.
        box: float32 (4,) of the target: x, y, width, height.
    """

    image: torch.Tensor
    mask: torch.Tensor
    box: torch.Tensor


class Transform:
    """A step that does nothing; subclasses change what they need to."""

    def roll(self, random: Generators) -> Any:
        """Draw the parameters of one application."""

    def image(self, image: np.ndarray, roll: Any) -> np.ndarray:
        """Change an image."""
        return image

    def mask(self, mask: np.ndarray, roll: Any) -> np.ndarray:
        """Change a mask, as the image."""
        return mask

    def points(self, points: np.ndarray, size: tuple[int, int], roll: Any) -> np.ndarray:
        """Move points (N, 2) of an image of ``size`` (width, height)."""
        return points

    def box(self, box: np.ndarray, size: tuple[int, int], roll: Any) -> np.ndarray:
        """Move a box (4,): the box around its moved corners."""
        x, y, width, height = box
        corners = np.array(
            [(x, y), (x + width, y), (x, y + height), (x + width, y + height)], dtype=np.float32
        )
        moved = self.points(corners, size, roll)
        return np.concatenate([moved.min(0), moved.max(0) - moved.min(0)]).astype(np.float32)

    def __call__(self, frame: Frame, roll: Any) -> Frame:
        """Change a frame."""
        height, width = frame.image.shape[:2]
        return Frame(
            self.image(frame.image, roll),
            self.mask(frame.mask, roll),
            self.box(frame.box, (width, height), roll),
        )


class Compose:
    """Several steps, one after the other.

    Args:
        steps: Transforms in the order in which they are applied.
    """

    def __init__(self, *steps: Transform) -> None:
        self.steps = steps

    def roll(self, random: Generators) -> list[Any]:
        """Draw the parameters of all steps."""
        return [step.roll(random) for step in self.steps]

    def apply(self, frame: Frame, rolls: Sequence[Any]) -> Frame:
        """Apply all steps with the given parameters."""
        for step, roll in zip(self.steps, rolls, strict=True):
            frame = step(frame, roll)
        return frame

    def jointly(self, frames: Sequence[Frame], random: Generators) -> list[Frame]:
        """Change all frames alike, with one roll."""
        rolls = self.roll(random)
        return [self.apply(frame, rolls) for frame in frames]

    def separately(self, frames: Sequence[Frame], random: Generators) -> list[Frame]:
        """Change each frame with a roll of its own."""
        return [self.apply(frame, self.roll(random)) for frame in frames]


class SwapRedBlue(Transform):
    """RGB -> BGR."""

    def image(self, image: np.ndarray, roll: None) -> np.ndarray:
        """Swap the channels."""
        return cv2.cvtColor(image, cv2.COLOR_RGB2BGR)


class Sometimes(Transform):
    """A transform that acts on some frames only.

    Args:
        probability: Probability that it acts, 0..1.
    """

    def __init__(self, probability: float = 0.5) -> None:
        self.probability = probability

    def roll(self, random: Generators) -> bool:
        """Draw whether to act."""
        return random.python.random() < self.probability


class RandomGrey(Sometimes):
    """Replace colours by grey, three equal channels.

    The weights are those of RGB whatever the order of the channels; JOINT applies it to BGR.
    """

    def image(self, image: np.ndarray, roll: bool) -> np.ndarray:
        """Remove the colours."""
        if not roll:
            return image
        return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


class RandomFlip(Sometimes):
    """Mirror left and right."""

    def image(self, image: np.ndarray, roll: bool) -> np.ndarray:
        """Mirror an image."""
        return cv2.flip(image, 1) if roll else image

    def mask(self, mask: np.ndarray, roll: bool) -> np.ndarray:
        """Mirror a mask."""
        return cv2.flip(mask, 1) if roll else mask

    def points(self, points: np.ndarray, size: tuple[int, int], roll: bool) -> np.ndarray:
        """Mirror points: x -> width - 1 - x."""
        return (
            np.array([size[0] - 1, 0], np.float32) + np.array([-1, 1], np.float32) * points
            if roll
            else points
        )


class AffineRoll(NamedTuple):
    """Parameters of one affine map.

    Args:
        is_flipped: Mirrored left and right first.
        degrees: Rotation, counter-clockwise.
        shear: Shear along x and along y.
        scale: Scale along x and along y.
        shift: Shift along x and y, relative to width and height.
    """

    is_flipped: bool
    degrees: float
    shear: tuple[float, float]
    scale: tuple[float, float]
    shift: tuple[float, float] = (0.0, 0.0)


class RandomAffine(Transform):
    """Mirror, shear, rotate and scale around the centre.

    Args:
        flip_probability: Probability of a horizontal flip, 0..1.
        max_rotation: Largest rotation to either side, degrees.
        max_shear: Largest shear of each axis.
        max_scale: Largest logarithm of the scale.
        max_aspect: Largest logarithm of the ratio of vertical to horizontal scale.
        border: What is outside the image: ``constant`` black, or the nearest pixel.
        pad: Pixels added on every side.
        max_shift: Largest shift, as a share of width and height.
    """

    def __init__(
        self,
        flip_probability: float = 0.0,
        max_rotation: float = 0.0,
        max_shear: float = 0.0,
        max_scale: float = 0.0,
        max_aspect: float = 0.0,
        border: Literal["constant", "replicate"] = "constant",
        pad: int = 0,
        max_shift: float = 0.0,
    ) -> None:
        self.flip_probability = flip_probability
        self.max_rotation = max_rotation
        self.max_shear = max_shear
        self.max_scale = max_scale
        self.max_aspect = max_aspect
        self.border = {"constant": cv2.BORDER_CONSTANT, "replicate": cv2.BORDER_REPLICATE}[border]
        self.pad = pad
        self.max_shift = max_shift

    def roll(self, random: Generators) -> AffineRoll:
        """Draw a map."""
        draw = random.python
        is_flipped = draw.random() < self.flip_probability
        degrees = draw.uniform(-self.max_rotation, self.max_rotation)
        shear_x = draw.uniform(-self.max_shear, self.max_shear)
        shear_y = draw.uniform(-self.max_shear, self.max_shear)
        aspect = math.exp(draw.uniform(-self.max_aspect, self.max_aspect))
        scale = math.exp(draw.uniform(-self.max_scale, self.max_scale))
        known = AffineRoll(is_flipped, degrees, (shear_x, shear_y), (scale, scale * aspect))
        if self.max_shift == 0:  # draws nothing, so that older recipes keep their samples
            return known
        limit = self.max_shift
        return known._replace(shift=(draw.uniform(-limit, limit), draw.uniform(-limit, limit)))

    def matrix(self, size: tuple[int, int], roll: AffineRoll) -> np.ndarray:
        """The map of pixel coordinates, float64 (2, 3), for an image of ``size``."""
        width, height = size
        flip, turn, shear, scale = np.eye(3), np.eye(3), np.eye(3), np.eye(3)
        if roll.is_flipped:
            flip[0] = (-1, 0, width)
        turn[:2] = cv2.getRotationMatrix2D((width / 2, height / 2), roll.degrees, 1.0)
        x, y = roll.shear
        shear[:2] = ((1, x, -x * width / 2), (y, 1, -y * height / 2))
        x, y = roll.scale
        scale[:2] = ((x, 0, (1 - x) * width / 2), (0, y, (1 - y) * height / 2))
        matrix = (scale @ turn @ shear @ flip)[:2]
        matrix[:, 2] += self.pad + np.multiply(roll.shift, size)
        return matrix

    def image(self, image: np.ndarray, roll: AffineRoll) -> np.ndarray:
        """Map an image, bilinear."""
        return self._warp(image, roll, cv2.INTER_LINEAR, self.border)

    def mask(self, mask: np.ndarray, roll: AffineRoll) -> np.ndarray:
        """Map a mask, nearest pixel; 0 outside."""
        return self._warp(mask, roll, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT)

    def points(self, points: np.ndarray, size: tuple[int, int], roll: AffineRoll) -> np.ndarray:
        """Map points."""
        matrix = self.matrix(size, roll)
        return points @ matrix[:, :2].T + matrix[:, 2]

    def _warp(self, pixels: np.ndarray, roll: AffineRoll, flags: int, border: int) -> np.ndarray:
        height, width = pixels.shape[:2]
        matrix = self.matrix((width, height), roll)
        output_size = (width + 2 * self.pad, height + 2 * self.pad)
        return cv2.warpAffine(pixels, matrix, output_size, flags=flags, borderMode=border)


class ToTensor:
    """Make tensors, with random brightness and the network's normalisation.

    A pixel v becomes ``(clamp(v * brightness, 0, 255) / scale - mean) / std``, read from a table.

    Args:
        brightness: The factor is drawn from 1 - brightness .. 1 + brightness.
        scale: 255 for networks that expect 0..1, else 1.
        mean: Mean of each channel, in the image's channel order.
        std: Standard deviation of each channel, in the image's channel order.
    """

    def __init__(
        self,
        brightness: float = 0.0,
        scale: float = 1.0,
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        std: Sequence[float] = (1.0, 1.0, 1.0),
    ) -> None:
        self.brightness = brightness
        self.scale = scale
        self.mean = np.array(mean, np.float32)
        self.std = np.array(std, np.float32)

    def roll(self, random: Generators) -> float:
        """Draw the factor."""
        return random.numpy.uniform(max(0.0, 1.0 - self.brightness), 1.0 + self.brightness)

    def __call__(self, frame: Frame, factor: float) -> FrameTensors:
        """Convert a frame, with the drawn factor."""
        return FrameTensors(
            self.image(frame.image, factor),
            torch.from_numpy(np.ascontiguousarray(frame.mask, dtype=np.float32)),
            torch.from_numpy(np.ascontiguousarray(frame.box, dtype=np.float32)),
        )

    def image(self, image: np.ndarray, factor: float) -> torch.Tensor:
        """uint8 (H, W, 3) -> float32 (3, H, W)."""
        levels = np.clip(np.arange(256, dtype=np.float32) * np.float32(factor), 0, 255)
        table = (levels[:, None] / np.float32(self.scale) - self.mean) / self.std
        planes = [cv2.LUT(image[..., c], table[:, c]) for c in range(3)]
        return torch.from_numpy(np.stack(planes))
