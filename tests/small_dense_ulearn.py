"""A small network of Dense Unsupervised Learning and its tracker, for tests."""

from __future__ import annotations

import torch

from ltr.models.dense_ulearn.dense_ulearn_net import DenseULearnNet, dense_ulearn_resnet18
from pytracking.tracker.base import Runtime
from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters


def small_network(seed: int = 0) -> DenseULearnNet:
    """A network with random weights, in eval mode."""
    torch.manual_seed(seed)
    return dense_ulearn_resnet18(feature_dim=8, backbone_width=8).eval().requires_grad_(False)


def small_tracker(**changes: object) -> DenseULearnTracker:
    """A tracker on the CPU with the small network; a context of 3 frames."""
    params = DenseULearnParameters(**{"net": "", "cxt_size": 3, "radius": 3, **changes})
    return DenseULearnTracker(params, small_network(), Runtime())
