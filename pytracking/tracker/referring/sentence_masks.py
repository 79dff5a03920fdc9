"""All queries of one frame as scored masks: A2D- and JHMDB-Sentences, RefCOCO."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F

_STRIDE = 4


class ScoredMasks(NamedTuple):
    """The queries of a frame.

    Args:
        scores: float (queries,), 0..1.
        masks: bool (queries, H, W).
        boxes: float (queries, 4), corners x0, y0, x1, y1 in pixels, not cut at the frame.
    """

    scores: torch.Tensor
    masks: torch.Tensor
    boxes: torch.Tensor


def sentence_masks(
    logits: torch.Tensor,
    mask_logits: torch.Tensor,
    boxes: torch.Tensor,
    input_size: tuple[int, int],
    size: tuple[int, int],
) -> ScoredMasks:
    """Enlarge the masks of all queries, threshold them, then take the nearest pixel.

    Args:
        logits: (queries, classes).
        mask_logits: (queries, h, w), a quarter of the network's input, padding included.
        boxes: (queries, 4), centre, width and height relative to the frame.
        input_size: Height and width of the input without padding.
        size: Height and width of the frame, pixels.
    """
    height, width = input_size
    enlarged = F.interpolate(mask_logits[None].float(), scale_factor=_STRIDE, mode="bilinear")
    masks = enlarged[..., :height, :width].sigmoid() > 0.5
    masks = F.interpolate(masks.to(torch.uint8), size, mode="nearest")[0].bool()
    centre, extent = boxes.float().split(2, dim=-1)
    corners = torch.cat([centre - extent / 2, centre + extent / 2], dim=-1)
    scale = corners.new_tensor([size[1], size[0]] * 2)
    return ScoredMasks(logits.sigmoid().amax(dim=-1), masks, corners * scale)
