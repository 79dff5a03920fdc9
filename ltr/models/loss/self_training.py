"""Losses on embeddings of video without labels (Araslanov et al., arXiv 2111.06265, section 3).

Shapes: keys are ``(clips, frames, channels, h, w)``, vectors of length one; anchors are positions
``y * w + x`` on the feature grid; the anchors of all clips together are the classes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F

from ltr.admin.errors import ConfigError


class SelfTrainingLosses(NamedTuple):
    """The terms of the objective, scalars.

    Args:
        main: What is minimised.
        temp: Space-time self-training.
        cross_key: Consistency of the two views.
    """

    main: torch.Tensor
    temp: torch.Tensor
    cross_key: torch.Tensor


def draw_grid(clips: int, grid: int, height: int, width: int) -> torch.Tensor:
    """Draw a regular grid of positions with one random offset a clip.

    Args:
        clips: Number of clips.
        grid: Positions along each axis.
        height: Height of the feature map, a multiple of ``grid``.
        width: Width of the feature map, a multiple of ``grid``.

    Returns:
        int64 (clips, grid, grid), drawn from PyTorch's CPU generator: columns, then rows.

    Raises:
        ConfigError: The feature map is not a multiple of the grid.
    """
    if height % grid or width % grid:
        raise ConfigError(f"a {width}x{height} feature map cannot hold a {grid}x{grid} grid evenly")
    columns, rows = (
        torch.randint(side // grid, (clips, 1)) + torch.arange(0, side, side // grid)
        for side in (width, height)
    )
    return rows[:, :, None] * width + columns[:, None, :]


def align(maps: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """Bring maps of the main view into the frame of the regularising view.

    Sampling is to the nearest position, so vectors keep their length and inner products may be
    taken before or after; what lies outside is zero. The grid is computed in float32: in another
    precision ties between positions fall differently.

    Args:
        maps: (N, channels, h, w).
        theta: (N, 2, 3), output positions to input positions, normalised coordinates, x first.
    """
    grid = F.affine_grid(theta.float(), list(maps.shape), align_corners=False)
    return F.grid_sample(maps, grid, "nearest", "zeros", align_corners=False)


def take_positions(maps: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Read maps (clips, channels, h, w) at positions (clips, ...) -> (positions, channels)."""
    index = positions.flatten(1).to(maps.device)[:, None].expand(-1, maps.shape[1], -1)
    return maps.flatten(2).gather(2, index).transpose(1, 2).flatten(0, 1)


def anchor_logits(keys: torch.Tensor, anchors: torch.Tensor, temperature: float) -> torch.Tensor:
    """Affinity of every position to every anchor of the batch.

    Args:
        keys: (clips, frames, channels, h, w).
        anchors: (anchors, channels).
        temperature: Divides the cosine.

    Returns:
        (clips, frames, h, w, anchors).
    """
    return keys.movedim(2, -1) @ anchors.t() / temperature


@torch.no_grad()
def pseudo_labels(keys: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
    """The most similar anchor of a position's own clip.

    Args:
        keys: Embeddings of the regularising view, (clips, frames, channels, h, w).
        anchors: (anchors, channels), those of a clip next to each other.

    Returns:
        int64 (clips, frames, h, w), numbers of anchors of the whole batch.
    """
    own = anchors.unflatten(0, (len(keys), -1))
    scores = torch.einsum("btchw,bac->btahw", keys, own)
    first = torch.arange(len(keys), device=keys.device) * own.shape[1]
    return scores.argmax(dim=2) + first[:, None, None, None]


def space_time_loss(
    main: torch.Tensor,
    reg: torch.Tensor,
    anchors: torch.Tensor,
    temperature: float,
) -> torch.Tensor:
    """Cross-entropy of the aligned main view against the pseudo labels of the other view.

    The anchors' own frame, the first one, does not count.

    Args:
        main: Keys of the main view in the frame of the regularising view.
        reg: Keys of the regularising view.
        anchors: (anchors, channels).
        temperature: See ``anchor_logits``.
    """
    logits = anchor_logits(main[:, 1:], anchors, temperature)
    labels = pseudo_labels(reg[:, 1:], anchors)
    return F.cross_entropy(logits.flatten(0, 3), labels.flatten())


def cross_view_loss(
    main: torch.Tensor, reg: torch.Tensor, positions: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Every sampled position must recognise itself in the other view.

    Args:
        main: Aligned keys of the first frames, (clips, channels, h, w).
        reg: Keys of the regularising view's first frames.
        positions: (clips, grid, grid).
        temperature: See ``anchor_logits``.
    """
    first, second = take_positions(main, positions), take_positions(reg, positions)
    logits = first @ second.t() / temperature
    return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))


def self_training_losses(
    main: torch.Tensor,
    reg: torch.Tensor,
    theta: torch.Tensor,
    anchor_positions: torch.Tensor,
    reference_positions: torch.Tensor,
    temperature: float = 0.05,
    cross_weight: float = 0.1,
) -> SelfTrainingLosses:
    """The whole objective: ``main = temp + cross_weight * cross_key``.

    Args:
        main: Keys of the main view, with gradient.
        reg: Keys of the regularising view; only the first frame needs a gradient.
        theta: (clips, frames, 2, 3), see ``align``.
        anchor_positions: (clips, G, G) on the first frame of the main view.
        reference_positions: (clips, G_ref, G_ref) on the first frame of the regularising view.
        temperature: Divides the cosine similarities of both terms.
        cross_weight: Weight of the consistency between the two views.
    """
    anchors = take_positions(main[:, 0], anchor_positions)
    aligned = align(main.flatten(0, 1), theta.flatten(0, 1)).unflatten(0, main.shape[:2])
    temp = space_time_loss(aligned, reg, anchors, temperature)
    cross = cross_view_loss(aligned[:, 0], reg[:, 0], reference_positions, temperature)
    return SelfTrainingLosses(temp + cross_weight * cross, temp, cross)
