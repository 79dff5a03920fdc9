from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from ltr.actors.segmentation import SegActor


class Echo(nn.Module):
    """Returns the test masks as logits, and equal encodings."""

    def __init__(self, sign: float) -> None:
        super().__init__()
        self.sign = nn.Parameter(torch.tensor(sign))

    def forward(self, train_imgs, test_imgs, train_masks, test_masks, num_refinement_iter):
        encoding = torch.ones(1 + len(test_masks), test_masks.shape[1], 2, 2, 2)
        return self.sign * (test_masks - 0.5) * 200.0, encoding, encoding


def batch() -> dict[str, torch.Tensor]:
    masks = (torch.rand(3, 2, 6, 8, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    images = torch.zeros(1, 2, 3, 6, 8)
    return {
        "train_images": images, "train_masks": masks[:1], "test_images": images,
        "test_masks": masks,
    }  # fmt: skip


@torch.no_grad()
def test_perfect_and_inverted_masks() -> None:
    total, stats = SegActor(Echo(1.0))(batch())
    assert list(stats) == ["Loss/total", "Loss/segm", "Loss/diff", "Stats/acc"]
    assert float(stats["Loss/segm"]) < 1e-3
    assert float(stats["Loss/diff"]) == pytest.approx(1.0)
    assert float(stats["Stats/acc"]) == 1.0
    assert float(total) == float(stats["Loss/segm"] + stats["Loss/diff"])
    worst = SegActor(Echo(-1.0), mask_weight=10.0, difference_weight=0.5)(batch())[1]
    assert float(worst["Loss/segm"]) == pytest.approx(10.0)
    assert float(worst["Loss/diff"]) == pytest.approx(0.5)
    assert float(worst["Stats/acc"]) == 0.0


@torch.no_grad()
def test_cross_entropy_is_added_on_demand() -> None:
    plain, stats = SegActor(Echo(-0.01))(batch())
    helped, same = SegActor(Echo(-0.01), entropy_weight=10.0)(batch())
    # Every logit is 1 on the wrong side: -log(sigmoid(-1)) in every pixel.
    assert float(helped - plain) == pytest.approx(10.0 * math.log(1 + math.e), rel=1e-5)
    assert stats["Loss/segm"] == same["Loss/segm"]


def test_fixed_batch_norms_keep_the_network_in_evaluation_mode() -> None:
    fixed, free = SegActor(nn.BatchNorm2d(1)), SegActor(nn.BatchNorm2d(1), freeze_batch_norm=False)
    fixed.train()
    free.train()
    assert not fixed.network.training
    assert free.network.training
    free.train(False)
    assert not free.network.training
