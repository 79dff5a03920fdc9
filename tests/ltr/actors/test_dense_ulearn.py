"""Learning on a fixed batch."""

from __future__ import annotations

import torch

from ltr.actors.dense_ulearn import DenseULearnActor
from ltr.models.dense_ulearn.dense_ulearn_net import dense_ulearn_resnet18
from ltr.models.loss.self_training import draw_grid
from ltr.trainers.optimizer import make_optimizer


def batch() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "main": torch.randn(2, 2, 3, 64, 64),
        "reg": torch.randn(2, 2, 3, 64, 64),
        "theta": torch.eye(2, 3).expand(2, 2, 2, 3),
    }


def test_ten_steps_on_one_batch_with_fixed_anchors_lower_the_loss():
    fixed = {"anchors": draw_grid(2, 4, 8, 8), "reference_anchors": draw_grid(2, 2, 8, 8)}
    data = batch() | fixed
    torch.manual_seed(0)
    actor = DenseULearnActor(dense_ulearn_resnet18(8, 8), grid_size=4, reference_grid_size=2)
    actor.train()
    optimizer = make_optimizer(actor.network, {"fast_net": 1e-3}, betas=(0.5, 0.999))
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss, stats = actor(data)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert list(stats) == ["Loss/main", "Loss/temp", "Loss/cross_key"]
    assert losses[-1] < 0.8 * losses[0]


def test_positions_are_drawn_when_none_are_given():
    actor = DenseULearnActor(dense_ulearn_resnet18(8, 8), grid_size=4, reference_grid_size=2)
    actor.train(False)
    data = batch()
    with torch.no_grad():
        losses = set()
        for seed in (0, 0, 1):
            torch.manual_seed(seed)
            losses.add(actor(data)[0].item())
    assert len(losses) == 2
