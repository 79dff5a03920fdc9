"""Functions of the original programs that no system here needs; reference values cover them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F

from ltr.admin.errors import DataError
from ltr.data.crops import Window
from ltr.models.propose_reduce.released import PREFIXES


def square_window(box: np.ndarray, search_area_factor: float) -> Window:
    """Place a square around a box (4,), ``search_area_factor`` times its size, without limits.

    Raises:
        DataError: The box is so small that nothing is left.
    """
    side = math.ceil(math.sqrt(max(float(box[2] * box[3]), 0.0)) * search_area_factor)
    if side < 1:
        raise DataError(f"the target's box {box.tolist()} is too small to be cropped")
    left, top = (round(float(box[i]) + 0.5 * float(box[i + 2]) - 0.5 * side) for i in (0, 1))
    return Window(left, top, side, side)


def move_box_to_square(
    box: np.ndarray, target: np.ndarray, scale: float, output_side: int
) -> np.ndarray:
    """A box (4,) in the coordinates of a square window around ``target``, resized by ``scale``.

    The target's centre lies at ``(output_side - 1) / 2``, not at the rounded window's centre.
    """
    shift = (box[:2] + 0.5 * box[2:]) - (target[:2] + 0.5 * target[2:])
    size = box[2:] * scale
    corner = (output_side - 1) / 2 + shift * scale - 0.5 * size
    return np.concatenate([corner, size]).astype(np.float32)


def to_upstream(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename to upstream's names; the tensors it never uses are copies of the mask head's."""
    back = {new: old for old, new in PREFIXES.items()}
    found = {}
    for name, tensor in state.items():
        prefix = max((own for own in back if name.startswith(own)), key=len)
        upstream = back[prefix] + name.removeprefix(prefix)
        found[upstream] = tensor
        part = upstream.removeprefix("mask_head.")
        if part != upstream:
            found[f"prop_head.{part}"] = tensor
    return found


def upsample_aligned(maps: torch.Tensor, factor: int) -> torch.Tensor:
    """Enlarge maps so that the first cell's centre stays the first ``factor`` pixels' centre.

    Args:
        maps: (N, channels, h, w).
        factor: 1 or more.

    Returns:
        (N, channels, factor * h, factor * w).
    """
    if factor == 1:
        return maps
    height, width = maps.shape[-2:]
    maps = F.pad(maps, (0, 1, 0, 1), mode="replicate")
    size = (factor * height + 1, factor * width + 1)
    maps = F.interpolate(maps, size, mode="bilinear", align_corners=True)
    half = factor // 2
    maps = F.pad(maps, (half, 0, half, 0), mode="replicate")
    return maps[..., : factor * height, : factor * width]


def merge_by_threshold(
    probabilities: torch.Tensor, object_ids: Sequence[int], threshold: float = 0.5
) -> torch.Tensor:
    """Merge independent masks: the most probable object where it exceeds the threshold.

    Args:
        probabilities: (objects, H, W).
        object_ids: Label of each object.
        threshold: Probability that an object must exceed.

    Returns:
        uint8 (H, W).
    """
    labels = torch.tensor(list(object_ids), dtype=torch.uint8, device=probabilities.device)
    highest, index = probabilities.max(dim=0)
    return torch.where(highest > threshold, labels[index], labels.new_zeros(()))
