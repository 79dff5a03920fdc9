"""The form in which the network takes images."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from ltr.data.image_format import IMAGENET_RGB

MULTIPLE = 32


def network_size(shape: Sequence[int], scale: Sequence[int]) -> tuple[tuple[int, int], float]:
    """To which size an image is resized.

    Args:
        shape: Height and width of the frame, pixels.
        scale: Longest and shortest side allowed, in any order.

    Returns:
        Height and width, and the factor before rounding.

    >>> network_size((720, 1280), (640, 360))
    ((360, 640), 0.5)
    """
    height, width = shape[:2]
    factor = min(max(scale) / max(height, width), min(scale) / min(height, width))
    return (int(height * factor + 0.5), int(width * factor + 0.5)), factor


def resize_image(image: np.ndarray, scale: Sequence[int]) -> np.ndarray:
    """Resize an image, uint8 (H, W, 3), to its ``network_size``."""
    (height, width), _ = network_size(image.shape, scale)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)


def normalise_and_pad(images: torch.Tensor) -> torch.Tensor:
    """RGB images (N, 3, H, W), uint8 or float 0..255 -> input with sides of multiples of 32."""
    height, width = images.shape[-2:]
    padding = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
    return F.pad(IMAGENET_RGB.normalise(images.float()), padding)
