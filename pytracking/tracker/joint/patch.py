"""Cutting crops out of images and masks, and pasting scores back."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from pytracking.tracker.joint.geometry import (
    FirstWindow,
    SearchWindow,
    ieee_root,
    mean_ratio,
    split_padding,
    vector,
)

OUTSIDE_SCORE = -100.0


def cut_window(
    image: torch.Tensor, window: SearchWindow, output_size: Sequence[int], is_mask: bool
) -> torch.Tensor:
    """Cut a window and resize it.

    Args:
        image: (N, C, H, W) float.
        window: What to cut; outside the image the border is replicated, masks are zero.
        output_size: (height, width) of the result.
        is_mask: Resize to the nearest pixel instead of bilinearly.
    """
    (row, column), step = window.offset, window.step
    if step > 1:
        image = image[..., row::step, column::step]
    height, width = image.shape[-2:]
    padding = (
        -window.top_left[1],
        window.bottom_right[1] - width,
        -window.top_left[0],
        window.bottom_right[0] - height,
    )
    return _resize(_pad(image, padding, replicate=not is_mask), output_size, is_mask)


def cut_first_window(image: torch.Tensor, plan: FirstWindow, is_mask: bool) -> torch.Tensor:
    """Cut the crop of an object's first frame; arguments as ``cut_window``."""
    large = cut_window(image, plan.window, plan.resized, is_mask)
    return _pad(large, plan.padding, replicate=True)


def _pad(image: torch.Tensor, padding: Sequence[int], replicate: bool) -> torch.Tensor:
    """Pad left, right, top, bottom; negative values cut. Cutting first keeps this cheap."""
    rows, columns, positive = split_padding(padding, image.shape[-2:])
    image = image[..., rows, columns]
    if not any(positive):
        return image
    return F.pad(image, positive, mode="replicate" if replicate else "constant")


def _resize(image: torch.Tensor, size: Sequence[int], is_mask: bool) -> torch.Tensor:
    size = tuple(int(side) for side in size)
    if tuple(image.shape[-2:]) == size:
        return image
    if is_mask:
        return F.interpolate(image, size, mode="nearest")
    return F.interpolate(image, size, mode="bilinear", align_corners=False)


def paste_scores(
    scores: torch.Tensor, coords: Sequence[int], image_size: Sequence[int]
) -> torch.Tensor:
    """Resize scores of a crop to the image's scale and paste them at their place.

    The resize is by factor, not to a size: source coordinates use the given factor itself. It is
    rounded as IEEE says, so exported trackers have the same one on every machine.

    Args:
        scores: (N, 1, height, width) logits of crops with the same window.
        coords: Top, left, bottom, right of the window in the image.
        image_size: (H, W).

    Returns:
        (N, H, W), ``OUTSIDE_SCORE`` where the crop does not reach.
    """
    top, left, bottom, right = coords
    window = vector((bottom - top, right - left))
    factor = float(mean_ratio(window, vector(scores.shape[-2:]), ieee_root))
    resized = F.interpolate(scores, scale_factor=factor, mode="bilinear", align_corners=False)
    height, width = resized.shape[-2:]
    first_row = int((top + bottom - 1) / 2 - 0.5 * height)
    first_column = int((left + right - 1) / 2 - 0.5 * width)
    padding = (
        first_column,
        image_size[1] - first_column - width,
        first_row,
        image_size[0] - first_row - height,
    )
    return F.pad(resized[:, 0], padding, value=OUTSIDE_SCORE)
