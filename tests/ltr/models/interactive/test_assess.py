"""The quality network in small, and the weights that it starts from."""

from __future__ import annotations

import pytest
import torch

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.data.image_format import CAFFE_BGR, IMAGENET_RGB
from ltr.models.interactive.assess import assess_network
from ltr.models.interactive.prompt_encoder import PromptEncoder, load_imagenet
from ltr.models.joint.joint_net import steepest_descent_resnet18

SMALL = {"width": 8, "depths": (2, 2, 2, 2), "side": 32, "block": "basic"}


@pytest.fixture(scope="module")
def joint(tmp_path_factory):
    """A small network of JOINT, and its file."""
    torch.manual_seed(0)
    network = steepest_descent_resnet18(
        backbone_width=8, out_feature_dim=16, transformer_dim=16, frozen_backbone_layers=()
    ).eval()
    file = tmp_path_factory.mktemp("joint") / "joint.pth.tar"
    save_checkpoint(file, network_fields(network))
    return network.feature_extractor, file


def test_the_backbone_of_joint_gives_the_same_features(joint):
    """JOINT sees bytes in the order BGR; means differ by a level of 255, so nothing is exact."""
    backbone, file = joint
    encoder = PromptEncoder(("p",), 8, SMALL["depths"], "basic").eval()
    load_imagenet(encoder, str(file), "", "", CAFFE_BGR)
    picture = torch.rand(1, 3, 64, 64)
    wanted = backbone(CAFFE_BGR.normalise(255 * picture))
    stem = torch.zeros_like(picture[:, :1])
    found = encoder(picture, {"p": stem})
    wanted, found = wanted["layer3"], found["res4"]
    assert (wanted - found).norm() < 0.05 * wanted.norm()
    load_imagenet(encoder, str(file), "", "", IMAGENET_RGB)
    assert (wanted - encoder(picture, {"p": stem})["res4"]).norm() > 0.3 * wanted.norm()


def test_frames_of_every_size_are_seen_alike():
    torch.manual_seed(0)
    network = assess_network(**SMALL, rows=60).eval()
    picture = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 12), (60, 90), mode="bicubic")
    mask = torch.zeros(1, 60, 90)
    mask[:, 20:44, 30:66] = 1
    large = [torch.nn.functional.interpolate(x, scale_factor=4.0) for x in (picture, mask[None])]
    with torch.no_grad():
        near, far = network(picture, mask), network(large[0], large[1][0])
        blind = assess_network(**SMALL).eval()
        blind.load_state_dict(network.state_dict())
        other = blind(large[0], large[1][0]) - blind(picture, mask)
    assert float((near - far).abs()) < 0.02 * float(near.abs()) < float(other.abs())
