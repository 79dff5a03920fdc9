"""Distances of pixels to those of other frames that carry a label (MANet, section 3.2).

Distances are squared lengths of differences, mapped to 0..1 by ``2 * sigmoid(d) - 1``; 1 is far.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from ltr.models.interactive.deeplab import resize
from ltr.models.layers.matmul import PackedLinear, is_exact_inference

_RADIUS = 12  # of the window of the local match, in pixels of the halved maps
_STRIDE = 2  # between pixels of the labels in that window
_OUTSIDE = 1e20  # squared distance to a pixel outside the map
_FLOAT_BYTES = 4
_TOGETHER = 512, 1024  # pixels, and labelled ones, whose distances stay in the cache of a CPU


def scaled(distances: torch.Tensor) -> torch.Tensor:
    """Map squared distances to 0..1."""
    return 2 * (distances.sigmoid() - 0.5)


def match_globally(
    current: torch.Tensor,
    annotated: torch.Tensor,
    labels: torch.Tensor,
    num_ids: int,
    max_bytes: int = 2**25,
) -> torch.Tensor:
    """Find the nearest labelled pixel of the annotated frame, for every id.

    Args:
        current: (C, h, w), embedding of a frame.
        annotated: (C, h, w), that of the annotated frame.
        labels: Integers (h, w) of the annotated frame; pixels outside 0 .. ``num_ids`` - 1 do not
            count.
        num_ids: Number of ids, the background included.
        max_bytes: Limit of the memory for distances held at a time, bytes.

    Returns:
        (num_ids, h, w); 1 for an id without a pixel.
    """
    return match_labelled(current, labelled_pixels(annotated, labels, num_ids), max_bytes)


def labelled_pixels(
    annotated: torch.Tensor, labels: torch.Tensor, num_ids: int
) -> list[torch.Tensor]:
    """The embeddings of every id's pixels, see ``match_globally``: (pixels, C) each."""
    return [annotated[:, labels == number].T for number in range(num_ids)]


def match_labelled(
    current: torch.Tensor, labelled: Sequence[torch.Tensor], max_bytes: int = 2**25
) -> torch.Tensor:
    """``match_globally`` with the pixels of every id; those of one frame serve many others."""
    pixels = current.flatten(1).T.contiguous()
    lengths = pixels.square().sum(dim=1)
    maps = []
    for chosen in labelled:
        if len(chosen):
            distances = lengths + _least_distances(pixels, chosen, max_bytes // _FLOAT_BYTES)
        else:
            distances = lengths.new_full((), _OUTSIDE)
        maps.append(scaled(distances.clamp(min=0)).expand(len(pixels)))
    return torch.stack(maps).view(len(maps), *current.shape[1:])


def _least_distances(pixels: torch.Tensor, chosen: torch.Tensor, most: int) -> torch.Tensor:
    """Squared distances of pixels (n, C) to the nearest of others, less their own squared lengths.

    Args:
        pixels: (n, C).
        chosen: (m, C), at least one.
        most: How many distances may be held at a time.

    Returns:
        (n,).
    """
    if not is_exact_inference(pixels):
        own = chosen.square().sum(dim=1)
        parts = pixels.split(max(1, most // len(chosen)))
        return torch.cat([torch.addmm(own, part, chosen.T, alpha=-2).amin(dim=1) for part in parts])
    rows = max(1, min(_TOGETHER[0], most // _TOGETHER[1]))
    products = [
        PackedLinear(-2 * part, part.square().sum(dim=1), rows)
        for part in chosen.split(_TOGETHER[1])
    ]
    nearest = [
        torch.stack([multiply(part).amin(dim=1) for multiply in products]).amin(dim=0)
        for part in pixels.split(rows)
    ]
    return torch.cat(nearest)


def match_locally(
    current: torch.Tensor, neighbour: torch.Tensor, labels: torch.Tensor, num_ids: int
) -> torch.Tensor:
    """Find the nearest labelled pixel around the same place in the neighbouring frame.

    Distances are computed at half the resolution and enlarged; labels are read at the full one.

    Args:
        current: (C, h, w), embedding of a frame.
        neighbour: (C, h, w), that of the neighbouring frame.
        labels: Integers (h, w) of the neighbouring frame; what lies outside is background.
        num_ids: Number of ids, the background included.

    Returns:
        (num_ids, h, w); 1 for an id without a pixel in the window.
    """
    size = current.shape[1:]
    halves = (F.avg_pool2d(maps[None], 2)[0].permute(1, 2, 0) for maps in (current, neighbour))
    here, there = (maps.contiguous() for maps in halves)
    reach = _RADIUS * _STRIDE
    around = F.pad(labels[None], (reach,) * 4)[0]
    found = current.new_ones(num_ids, *size)
    numbers = torch.arange(num_ids, device=labels.device).view(-1, 1, 1, 1)
    for row in range(-_RADIUS, _RADIUS + 1):
        distances = resize(scaled(_row_distances(here, there, row))[None], size)[0]
        rows = around[reach + _STRIDE * row :][: size[0]]
        seen = torch.stack(
            [rows[:, _STRIDE * column :][:, : size[1]] for column in range(2 * _RADIUS + 1)]
        )
        found = torch.minimum(found, distances.where(seen == numbers, 1.0).amin(dim=1))
    return found


def _row_distances(here: torch.Tensor, there: torch.Tensor, row: int) -> torch.Tensor:
    """Squared distances to one row of the window, (window width, h, w).

    All pairs of a pixel's row and the other frame's row are multiplied at once; of each pixel's
    products the ones in the window lie side by side.
    """
    height, width, channels = here.shape
    columns = 2 * _RADIUS + 1
    first = min(height, max(0, -row))
    last = max(first, min(height, height - row))
    inside = slice(first, last), slice(_RADIUS, _RADIUS + width)
    other = here.new_zeros(height, width + columns - 1, channels)
    other[inside] = there[first + row : last + row]
    lengths = here.new_full(other.shape[:2], _OUTSIDE)
    lengths[inside] = other[inside].square().sum(dim=2)
    products = lengths[:, None] - 2 * (here @ other.transpose(1, 2))
    wide = width + columns - 1
    window = products.as_strided((height, width, columns), (width * wide, wide + 1, 1))
    distances = window + here.square().sum(dim=2, keepdim=True)
    return distances.clamp(min=0).permute(2, 0, 1)
