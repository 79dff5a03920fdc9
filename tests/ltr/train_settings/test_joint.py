from __future__ import annotations

from dataclasses import fields

import pytest
import torch

from ltr.admin.checkpoint import read_checkpoint
from ltr.admin.environment import train_environment
from ltr.train_settings.joint import joint_debug, joint_demo, joint_stage1, joint_stage2
from ltr.train_settings.joint.assembly import JointAssembly
from ltr.trainers.optimizer import make_optimizer
from pytracking.utils.loading import SHIPPED_NETWORKS


def test_stage2_differs_from_stage1_in_few_rows() -> None:
    changed = {
        field.name
        for field in fields(joint_stage1.RECIPE)
        if getattr(joint_stage1.RECIPE, field.name) != getattr(joint_stage2.RECIPE, field.name)
    }
    assert changed == {
        "description", "init_checkpoint", "init_epoch", "backbone_weights",
        "frozen_backbone_layers", "validation_interval", "learning_rates", "milestones",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stage", "trained", "groups"), [(joint_stage1, 157, 6), (joint_stage2, 283, 9)]
)
def test_full_size_network_and_groups(stage, trained: int, groups: int) -> None:
    """Counts of the specification: trainable tensors and parameter groups of both stages."""
    assembly = JointAssembly(stage.RECIPE, train_environment(create=False))
    network = assembly.network()
    assert sum(parameter.numel() for parameter in network.parameters()) == 42135442
    assert sum(parameter.requires_grad for parameter in network.parameters()) == trained
    optimizer = make_optimizer(network, stage.RECIPE.learning_rates)
    assert len(optimizer.param_groups) == groups
    assert sum(len(group["params"]) for group in optimizer.param_groups) == trained
    assert network.constructor.kwargs["backbone_type"] == "mrcnn"


def test_debug_network_is_small() -> None:
    network = JointAssembly(joint_debug.RECIPE, train_environment(create=False)).network()
    assert sum(p.numel() for p in network.parameters()) < 1e6
    make_optimizer(network, joint_debug.RECIPE.learning_rates)
    images = torch.zeros(1, 2, 3, 64, 112)
    logits, *_ = network(images, images, torch.zeros(1, 2, 64, 112))
    assert logits.shape == (1, 2, 64, 112)


def test_demo_recipe_builds_the_shipped_network() -> None:
    network = JointAssembly(joint_demo.RECIPE, train_environment(create=False)).network()
    groups = make_optimizer(network, joint_demo.RECIPE.learning_rates).param_groups
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))
    shipped = read_checkpoint(SHIPPED_NETWORKS / "joint_demo.pth.tar")
    assert {name: value.shape for name, value in shipped.net.items()} == {
        name: value.shape for name, value in network.state_dict().items()
    }
