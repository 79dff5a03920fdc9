"""The network: shapes, passes of a training step, and loading of snapshots."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.admin.errors import CheckpointError
from ltr.models.dense_ulearn.dense_ulearn_net import dense_ulearn_resnet18
from ltr.models.dense_ulearn.snapshot import load_dense_ulearn
from tests.small_joint import small_network as small_joint_network


@pytest.fixture(scope="module")
def full_size():
    torch.manual_seed(0)
    return dense_ulearn_resnet18()


@pytest.mark.parametrize(("size", "expected"), [((67, 109), (9, 14)), ((64, 96), (8, 12))])
def test_features_are_unit_vectors_on_an_eighth_of_the_image(size, expected):
    network = dense_ulearn_resnet18(feature_dim=16, backbone_width=8).eval()
    features = network.embed(torch.randn(2, 3, *size))
    assert [tuple(f.shape) for f in features] == [(2, c, *expected) for c in (32, 64, 16)]
    for feature in features:
        torch.testing.assert_close(feature.norm(dim=1), torch.ones(2, *expected))


def test_its_size_is_the_published_one(full_size):
    assert sum(parameter.numel() for parameter in full_size.parameters()) == 11_505_856
    state = full_size.state_dict()
    assert (len(state), sum(value.numel() for value in state.values())) == (129, 11_516_501)


def test_a_training_step_sees_two_batches_and_learns_from_the_first_frame_of_the_other_view():
    torch.manual_seed(0)
    network = dense_ulearn_resnet18(feature_dim=8, backbone_width=8)
    main = torch.randn(2, 3, 3, 64, 64)
    reg = torch.randn(2, 3, 3, 64, 64, requires_grad=True)
    keys, reg_keys = network(main, reg)
    assert keys.shape == reg_keys.shape == (2, 3, 8, 8, 8)
    assert int(network.fast_net["emb_q"].bn1.num_batches_tracked) == 2
    (reg_keys * torch.randn_like(reg_keys)).sum().backward()
    touched = reg.grad.flatten(2).abs().sum(dim=2) > 0
    assert touched.tolist() == [[True, False, False]] * 2
    network(main, reg, False)[1][:, 1:].sum().backward()


def write_snapshot(path, network, prefix=""):
    model = {prefix + name: value for name, value in network.state_dict().items()}
    torch.save({"model": model, "opt": {}, "score": np.float64(0.653), "epoch": 60}, path)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_snapshots_of_the_original_load(full_size, tmp_path, prefix):
    path = tmp_path / "snapshot.pth"
    write_snapshot(path, full_size, prefix)
    loaded = load_dense_ulearn(path).state_dict()
    for name, value in full_size.state_dict().items():
        assert torch.equal(loaded[name], value), name


def test_own_checkpoints_load_at_any_width(tmp_path):
    network = dense_ulearn_resnet18(feature_dim=8, backbone_width=4)
    save_checkpoint(tmp_path / "DenseULearnNet_ep0003.pth.tar", network_fields(network))
    assert load_dense_ulearn(tmp_path).constructor == network.constructor


def test_what_does_not_fit_is_an_error(full_size, tmp_path):
    path = tmp_path / "snapshot.pth"
    with pytest.raises(CheckpointError, match=r"snapshot\.pth"):
        load_dense_ulearn(path)
    state = full_size.state_dict()
    del state["fast_net.emb_q.conv2.bias"]
    torch.save({"model": state}, path)
    with pytest.raises(CheckpointError, match="1 missing"):
        load_dense_ulearn(path)
    path.write_bytes(path.read_bytes()[: 1 << 20])
    with pytest.raises(CheckpointError, match="damaged"):
        load_dense_ulearn(path)
    save_checkpoint(path, network_fields(small_joint_network()))
    with pytest.raises(CheckpointError, match="holds a JOINTNet"):
        load_dense_ulearn(path)
