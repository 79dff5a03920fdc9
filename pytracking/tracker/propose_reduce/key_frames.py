"""Which frames start sequences, and which instances they show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from ltr.models.propose_reduce.detection import DetectionSettings
from ltr.models.propose_reduce.roi import paste_masks
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN

_MAX_OVERLAP = 0.2


class KeyFrame(NamedTuple):
    """The instances of one frame.

    Args:
        position: Index of the frame.
        masks: float32 (M, H, W), 0 or 1, of the unpadded input.
    """

    position: int
    masks: torch.Tensor


def key_positions(num_frames: int, key_num: int) -> list[int]:
    """Frames spread from the first to the last, each once; one alone is in the middle.

    The product is cut off in double precision as upstream does it, so the last key frame can be the
    last but one.

    >>> key_positions(36, 5), key_positions(3, 5), key_positions(9, 1)
    ([0, 8, 17, 26, 35], [0, 1, 2], [4])
    """
    if key_num == 1:
        return [num_frames // 2]
    step = (num_frames - 1) / (key_num - 1)
    return list(dict.fromkeys(int(number * step) for number in range(key_num)))


def detect_masks(
    network: SeqMaskRCNN,
    pyramid: Sequence[torch.Tensor],
    size: Sequence[int],
    settings: DetectionSettings,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Detect the instances of a frame.

    Args:
        network: Network in eval mode.
        pyramid: P2..P6, each (1, C, h, w).
        size: Height and width of the unpadded input.
        settings: Thresholds.

    Returns:
        Masks (n, H, W), 0 or 1, and scores (n,).
    """
    [(found, probabilities)] = network.detect(pyramid, size, settings)
    return paste_masks(probabilities, found.boxes, size), found.scores


def without_overlap(masks: torch.Tensor) -> torch.Tensor:
    """Drop masks that overlap with an earlier one, (n, H, W) -> (m, H, W); order matters."""
    flat = masks.flatten(1)
    common = flat @ flat.T
    areas = flat.sum(dim=1)
    overlaps = (common / (areas[:, None] + areas[None] - common)).tolist()
    kept: list[int] = []
    for place, row in enumerate(overlaps):
        # Two empty masks have no defined overlap and do not exclude each other.
        if not any(row[other] >= _MAX_OVERLAP for other in kept):
            kept.append(place)
    return masks[kept]
