"""Finding trained networks and making them ready."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.admin.errors import CheckpointError
from ltr.models.joint.joint_net import JOINTNet, steepest_descent_resnet18
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN
from pytracking.utils.loading import SHIPPED_NETWORKS, find_network, load_evaluation_network


def test_folders_are_tried_in_order_then_the_current_one(tmp_path, monkeypatch):
    first, second, here = (tmp_path / name for name in ("first", "second", "here"))
    for folder in (first, second, here):
        folder.mkdir()
    monkeypatch.chdir(here)
    (here / "net.pth.tar").touch()
    assert find_network("net.pth.tar", (first, second)) == Path("net.pth.tar")
    (second / "net.pth.tar").touch()
    assert find_network("net.pth.tar", (first, second)) == second / "net.pth.tar"
    (first / "net.pth.tar").touch()
    assert find_network("net.pth.tar", (first, second)) == first / "net.pth.tar"
    absolute = str(second / "net.pth.tar")
    assert find_network(absolute, (first,)) == Path(absolute)


def test_shipped_networks_are_found_last(tmp_path):
    shipped = SHIPPED_NETWORKS / "joint_demo.pth.tar"
    assert find_network("joint_demo.pth.tar", (tmp_path,)) == shipped
    (tmp_path / "joint_demo.pth.tar").touch()
    assert find_network("joint_demo.pth.tar", (tmp_path,)) == tmp_path / "joint_demo.pth.tar"


def test_a_missing_network_tells_what_was_searched_and_what_to_do(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "other.pth.tar").touch()
    with pytest.raises(CheckpointError) as caught:
        find_network("joint_davis.pth.tar", (tmp_path / "a", tmp_path / "b"))
    for part in (
        "network joint_davis.pth.tar was not found",
        f"{tmp_path / 'a'} holds other.pth.tar",
        f"{tmp_path / 'b'} is not a folder",
        "--net PATH",
        "python -m pytracking.utils.download joint_davis",
    ):
        assert part in str(caught.value)


def test_a_missing_absolute_path_shows_its_neighbours(tmp_path):
    (tmp_path / "joint.pth.tar").touch()
    with pytest.raises(CheckpointError, match=r"does not exist .*holds joint\.pth\.tar"):
        find_network(str(tmp_path / "jiont.pth.tar"), ())


def test_a_loaded_network_is_ready_for_inference(tmp_path, monkeypatch):
    net = steepest_descent_resnet18(backbone_width=8, out_feature_dim=16, transformer_dim=16)
    save_checkpoint(tmp_path / "small.pth.tar", network_fields(net))
    monkeypatch.setenv("PYTRACKING_NETWORK_PATH", str(tmp_path))
    got = load_evaluation_network("small.pth.tar", JOINTNet, torch.device("cpu"))
    assert not any(module.training for module in got.modules())
    assert not any(parameter.requires_grad for parameter in got.parameters())
    assert got.state_dict().keys() == net.state_dict().keys()


def test_a_network_of_another_system_is_refused(tmp_path):
    net = steepest_descent_resnet18(backbone_width=8, out_feature_dim=16, transformer_dim=16)
    save_checkpoint(tmp_path / "small.pth.tar", network_fields(net))
    with pytest.raises(CheckpointError, match="holds a JOINTNet, not a SeqMaskRCNN"):
        load_evaluation_network(str(tmp_path / "small.pth.tar"), SeqMaskRCNN, torch.device("cpu"))
