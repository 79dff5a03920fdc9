"""Backbone files of others: Mask R-CNN's and torchvision's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision

from ltr.admin.errors import CheckpointError, ConfigError
from ltr.admin.pretrained import (
    MASK_RCNN_FILE,
    load_mask_rcnn_backbone,
    load_torchvision_backbone,
    torchvision_address,
)
from ltr.models.backbone.resnet import resnet18, resnet50
from ltr.models.dense_ulearn.dense_ulearn_net import dense_ulearn_resnet18


def write_torchvision_file(path: Path) -> dict[str, torch.Tensor]:
    """A file as torchvision publishes it, with the classifier, but random weights."""
    torch.manual_seed(1)
    state = torchvision.models.resnet18().state_dict()
    torch.save(state, path)
    return state


@pytest.mark.parametrize("name", ["resnet18", "ResNet18_Weights.IMAGENET1K_V1", "other.pth"])
def test_torchvision_weights_give_torchvision_features(tmp_path, name):
    file = name if name.endswith(".pth") else Path(torchvision_address(name)).name
    state = write_torchvision_file(tmp_path / file)
    reference = torchvision.models.resnet18()
    reference.load_state_dict(state)
    reference.fc = torch.nn.Identity()
    backbone = resnet18()
    load_torchvision_backbone(backbone, str(tmp_path / name) if file == name else name, tmp_path)
    images = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        want = reference.eval()(images)
        got = backbone.eval()(images)["layer4"].mean((2, 3))
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("field", ["net", "model"])
def test_a_network_of_dense_ulearn_gives_its_backbone(tmp_path, field):
    network = dense_ulearn_resnet18(backbone_width=8)
    torch.save({field: network.state_dict(), "epoch": 3}, tmp_path / "net.pth.tar")
    backbone = resnet18(8)
    load_torchvision_backbone(backbone, str(tmp_path / "net.pth.tar"), tmp_path)
    for key, value in network.fast_net["backbone"].state_dict().items():
        assert backbone.state_dict()[key].equal(value), key
    torch.save({field: {"other.weight": torch.ones(1)}}, tmp_path / "net.pth.tar")
    with pytest.raises(CheckpointError, match="no dictionary of tensors"):
        load_torchvision_backbone(backbone, str(tmp_path / "net.pth.tar"), tmp_path)


def test_a_network_of_joint_gives_its_backbone(tmp_path):
    wanted = {f"feature_extractor.{k}": v for k, v in resnet18(8).state_dict().items()}
    torch.save({"net": wanted | {"decoder.weight": torch.ones(1)}}, tmp_path / "net.pth.tar")
    backbone = resnet18(8)
    load_torchvision_backbone(backbone, str(tmp_path / "net.pth.tar"), tmp_path)
    for key, value in backbone.state_dict().items():
        assert wanted[f"feature_extractor.{key}"].equal(value), key


def test_a_missing_torchvision_file_is_not_fetched(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        load_torchvision_backbone(resnet18(), "resnet18", tmp_path)
    assert "resnet18-f37072fd.pth" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_an_unknown_torchvision_name_has_a_near_one():
    with pytest.raises(ConfigError, match="did you mean 'resnet50'"):
        torchvision_address("resnet5")
    with pytest.raises(ConfigError, match=r"ResNet50_Weights\.V9"):
        torchvision_address("ResNet50_Weights.V9")


@pytest.mark.parametrize("is_zip", [True, False])
def test_the_mask_rcnn_file_is_a_flat_dictionary(tmp_path, is_zip):
    torch.manual_seed(2)
    state = resnet50(is_caffe_style=True, width=8).state_dict()
    stored = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    path = tmp_path / MASK_RCNN_FILE
    torch.save(stored, path, _use_new_zipfile_serialization=is_zip)
    backbone = resnet50(is_caffe_style=True, width=8)
    load_mask_rcnn_backbone(backbone, path)
    assert all(backbone.state_dict()[key].equal(tensor) for key, tensor in state.items())


def test_a_missing_mask_rcnn_file_names_file_folder_and_the_way_out(tmp_path):
    with pytest.raises(CheckpointError) as caught:
        load_mask_rcnn_backbone(resnet50(True, 8), tmp_path / MASK_RCNN_FILE)
    for part in (MASK_RCNN_FILE, str(tmp_path), "--set backbone_weights=none"):
        assert part in str(caught.value)


def test_weights_of_another_backbone_are_refused(tmp_path):
    torch.save(resnet18(8).state_dict(), tmp_path / MASK_RCNN_FILE)
    with pytest.raises(CheckpointError, match="checkpoint of another network than ResNet"):
        load_mask_rcnn_backbone(resnet50(True, 8), tmp_path / MASK_RCNN_FILE)
