from __future__ import annotations

import pytest
import torch
from torch import nn

from ltr.admin.errors import ConfigError
from ltr.trainers.optimizer import OptimizerKind, make_optimizer


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 4))
        self.head = nn.Linear(4, 5)
        self.loss = nn.Identity()
        self.backbone[0].requires_grad_(False)


def sizes(optimizer: torch.optim.Optimizer) -> list[tuple[int, float]]:
    return [
        (sum(p.numel() for p in group["params"]), group["lr"]) for group in optimizer.param_groups
    ]


def test_groups_follow_the_table_and_leave_out_what_is_frozen() -> None:
    rates = {"loss": 1.0, "backbone": 0.1, "head": 0.01}
    optimizer = make_optimizer(Network(), rates)
    assert sizes(optimizer) == [(0, 1.0), (16, 0.1), (25, 0.01)]
    assert optimizer.defaults["betas"] == (0.9, 0.999)
    assert optimizer.defaults["weight_decay"] == 0


def test_an_inner_module_is_taken_out_of_the_outer_one() -> None:
    network = Network().requires_grad_(True)
    optimizer = make_optimizer(network, {"backbone": 0.1, "backbone.1": 0.2, "head": 0.3})
    assert sizes(optimizer) == [(9, 0.1), (16, 0.2), (25, 0.3)]


def test_kinds() -> None:
    sgd = make_optimizer(Network(), {"backbone": 0.1, "head": 0.2}, "sgd", 1e-4, 0.8)
    assert isinstance(sgd, torch.optim.SGD)
    assert (sgd.defaults["momentum"], sgd.defaults["weight_decay"]) == (0.8, 1e-4)
    assert isinstance(
        make_optimizer(Network(), {"backbone": 0.1, "head": 0.2}, "adamw"), torch.optim.AdamW
    )


def test_wrong_tables_are_explained() -> None:
    with pytest.raises(ConfigError, match=r"no module 'haed'.*did you mean 'head'"):
        make_optimizer(Network(), {"backbone": 0.1, "haed": 0.2})
    with pytest.raises(ConfigError, match=r"head\.weight is trained, but no entry covers it"):
        make_optimizer(Network(), {"backbone": 0.1})


def test_biases_learn_faster_and_do_not_decay() -> None:
    network = Network().requires_grad_(True)
    rates = {"backbone": 0.1, "head": 0.01}
    optimizer = make_optimizer(
        network, rates, weight_decay=0.5, betas=(0.5, 0.999), bias_factor=2.0
    )
    assert sizes(optimizer) == [(18, 0.1), (7, 0.2), (20, 0.01), (5, 0.02)]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.5, 0.0, 0.5, 0.0]
    assert optimizer.defaults["betas"] == (0.5, 0.999)


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd"])
def test_updates_in_one_kernel_are_those_of_the_plain_loop(kind: OptimizerKind) -> None:
    def train(fused: bool) -> torch.Tensor:
        torch.manual_seed(0)
        network = Network()
        optimizer = make_optimizer(
            network, {"backbone": 0.1, "head": 0.2}, kind, weight_decay=0.01, fused=fused
        )
        for _ in range(5):
            optimizer.zero_grad()
            network.head(network.backbone(torch.ones(1, 2))).square().sum().backward()
            optimizer.step()
        return nn.utils.parameters_to_vector(network.parameters()).detach()

    torch.testing.assert_close(train(True), train(False), rtol=1e-5, atol=1e-6)
