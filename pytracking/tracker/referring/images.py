"""From frames to the network's input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ltr.data.image_format import IMAGENET_RGB
from ltr.data.referring.clip import cut_out, fit_size, resize_image


def network_input(
    images: Sequence[np.ndarray], short_side: int = 360, max_size: int | None = None
) -> torch.Tensor:
    """Resize and normalise frames.

    Args:
        images: uint8 (H, W, 3) RGB, all of one size.
        short_side: Shorter side of the result, pixels.
        max_size: Limit of the longer side, pixels; None for no limit.

    Returns:
        float32 (frames, 3, h, w).
    """
    size = fit_size(images[0].shape[:2], short_side, max_size)
    resized = np.stack([resize_image(image, size) for image in images])
    return IMAGENET_RGB.normalise(torch.from_numpy(resized).permute(0, 3, 1, 2).float())


def tracking_input(
    image: np.ndarray, mask: np.ndarray, short_side: int = 360, max_size: int | None = None
) -> torch.Tensor:
    """The tracking image of an object; it is cut out before anything is resized.

    Args:
        image: uint8 (H, W, 3) RGB.
        mask: bool (H, W).
        short_side: Shorter side of the result, pixels.
        max_size: Limit of the longer side, pixels; None for no limit.

    Returns:
        float32 (1, 3, h, w).
    """
    return network_input([cut_out(image, mask)], short_side, max_size)
