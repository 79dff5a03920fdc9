"""Soft aggregation of several objects, and the moments of their probability maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from pytracking.tracker.joint.moments import AxisMoments

START_SCORE = 100.0
_MIN_PROBABILITY = 1e-7


def start_scores(mask: torch.Tensor) -> torch.Tensor:
    """Scores of an object in its first frame: +-100 inside and outside its mask."""
    return (mask.float() - 0.5) * (2.0 * START_SCORE)


def aggregate(scores: torch.Tensor) -> torch.Tensor:
    """Merge the objects' scores into probabilities that sum to one in every pixel.

    Args:
        scores: (objects, H, W) foreground logits, float32.

    Returns:
        (1 + objects, H, W), background first.
    """
    background = (1.0 - torch.sigmoid(scores)).prod(dim=0, keepdim=True)
    background = background.clamp(_MIN_PROBABILITY, 1.0 - _MIN_PROBABILITY)
    logits = torch.cat([torch.log(background / (1.0 - background)), scores])
    return torch.softmax(logits, dim=0)


def label_map(probabilities: torch.Tensor, object_ids: Sequence[int]) -> torch.Tensor:
    """The most probable label of every pixel; the background, then the first object, wins ties.

    Args:
        probabilities: (1 + objects, H, W), background first.
        object_ids: Label of each object.

    Returns:
        uint8 (H, W).
    """
    highest = probabilities[0]
    labels = torch.zeros_like(highest, dtype=torch.uint8)
    for object_id, probability in zip(object_ids, probabilities[1:], strict=True):
        labels.masked_fill_(probability > highest, object_id)
        highest = torch.maximum(highest, probability)
    return labels


def overwrite(
    probabilities: torch.Tensor, object_ids: Sequence[int], masks: Mapping[int, torch.Tensor]
) -> torch.Tensor:
    """Give some objects the masks of a user; the others keep what these leave.

    Args:
        probabilities: (1 + objects, H, W), background first.
        object_ids: Label of each object.
        masks: (H, W), 0 or 1, by label.

    Returns:
        (1 + objects, H, W); where an object loses a pixel, the background takes it.
    """
    left = 1 - torch.stack(list(masks.values())).amax(dim=0)
    objects = [
        masks[key] if key in masks else left * old
        for key, old in zip(object_ids, probabilities[1:], strict=True)
    ]
    stacked = torch.stack(objects)
    return torch.cat([1 - stacked.sum(dim=0, keepdim=True), stacked])


class Moments(AxisMoments):
    """Sum, mean position and deviation of probability maps.

    The maps' row and column sums go to the host in one transfer; the rest is a few numbers.

    Args:
        maps: (objects, H, W).
    """

    def __init__(self, maps: torch.Tensor) -> None:
        height = maps.shape[1]
        sums = torch.cat([maps.sum(dim=2), maps.sum(dim=1)], dim=1).double().cpu().numpy()
        super().__init__(sums[:, :height], sums[:, height:])
