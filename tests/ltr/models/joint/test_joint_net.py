"""Building, loading and freezing JOINT networks."""

from __future__ import annotations

import json

import pytest
import torch

from ltr.admin.errors import ConfigError
from ltr.models.joint.joint_net import steepest_descent_resnet18, steepest_descent_resnet50
from ltr.models.layers.folding import fold_batch_norms
from tests.shared_material import golden
from tests.small_joint import SIZES, small_network


@pytest.fixture(scope="module")
def full_network():
    return steepest_descent_resnet50()


def test_keys_shapes_and_order_are_upstreams(full_network):
    manifest = json.loads((golden("joint") / "manifest.json").read_text())
    want = [(key, tuple(shape)) for key, shape, *_ in manifest["state_dict"]]
    assert [(k, tuple(v.shape)) for k, v in full_network.state_dict().items()] == want


def test_parameter_count(full_network):
    assert sum(p.numel() for p in full_network.parameters()) == 42_135_442


@pytest.mark.parametrize(
    ("frozen", "count"),
    [(("conv1", "bn1", "layer1"), 283), ("all", 157)],
)
def test_number_of_trained_tensors(frozen, count):
    network = steepest_descent_resnet50(frozen_backbone_layers=frozen)
    assert sum(p.requires_grad for p in network.parameters()) == count


def test_frozen_layers_stay_in_eval_mode():
    network = steepest_descent_resnet18(**SIZES, frozen_backbone_layers=("bn1", "layer1"))
    network.train()
    backbone = network.feature_extractor
    assert not backbone.bn1.training
    assert not any(module.training for module in backbone.layer1.modules())
    assert backbone.layer2.training


def test_unknown_frozen_layer_names_a_near_one():
    with pytest.raises(ConfigError, match="layer1"):
        steepest_descent_resnet18(**SIZES, frozen_backbone_layers=("layer11",))


def test_an_unknown_backbone_type_is_refused():
    with pytest.raises(ConfigError, match="backbone_type"):
        steepest_descent_resnet50(backbone_type="vgg")


def test_strides_of_the_two_styles():
    caffe, imagenet = (
        steepest_descent_resnet50(backbone_type=style, backbone_width=8)
        for style in ("mrcnn", "imagenet")
    )
    assert caffe.feature_extractor.layer2[0].conv1.stride == (2, 2)
    assert caffe.feature_extractor.layer2[0].conv2.stride == (1, 1)
    assert imagenet.feature_extractor.layer2[0].conv1.stride == (1, 1)
    assert imagenet.feature_extractor.layer2[0].conv2.stride == (2, 2)


@pytest.mark.parametrize("kept", ["encoder", "decoder"])
def test_one_name_of_the_shared_attention_is_enough(kept):
    network = small_network()
    dropped = {"encoder": "decoder", "decoder": "encoder"}[kept]
    state = {
        key: value
        for key, value in network.state_dict().items()
        if f"{dropped}.self_attn" not in key
    }
    network.load_state_dict(network.adapt_state_dict(state), strict=True)


def test_decoders_values_win_where_the_two_names_differ():
    network = small_network()
    state = network.state_dict()
    key = "self_attn.WK.bias"
    state[f"transformer.encoder.{key}"] = torch.zeros(8)
    state[f"transformer.decoder.{key}"] = torch.ones(8)
    network.load_state_dict(network.adapt_state_dict(state))
    assert (network.transformer.encoder.self_attn.WK.bias == 1).all()


def test_folded_batch_norms_give_the_same_scores():
    network, folded = small_network(), fold_batch_norms(small_network())
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    torch.manual_seed(0)
    images = torch.randn(2, 3, 64, 96)
    plain = network.extract_backbone_features(images)
    fast = folded.extract_backbone_features(images)
    for name, value in plain.items():
        torch.testing.assert_close(fast[name], value, rtol=1e-4, atol=1e-4)
    encodings = torch.randn(2, 4, 4, 6)
    torch.testing.assert_close(
        folded.decoder(encodings, plain, (64, 96)),
        network.decoder(encodings, plain, (64, 96)),
        rtol=1e-4,
        atol=1e-4,
    )
    keys = list(fold_batch_norms(folded).state_dict())
    assert keys == list(folded.state_dict())


def test_decoder_with_a_shared_crop_equals_copies_of_it():
    network = small_network()
    layers = network.extract_backbone_features(torch.randn(2, 3, 64, 96))
    index = torch.tensor([0, 1, 0])
    encodings = torch.randn(3, 4, 4, 6)
    copies = {name: value[index] for name, value in layers.items()}
    torch.testing.assert_close(
        network.decoder(encodings, layers, (64, 96), index),
        network.decoder(encodings, copies, (64, 96)),
    )


def test_training_forward_returns_all_frames_and_gradients():
    network = steepest_descent_resnet18(**SIZES)
    torch.manual_seed(0)
    logits, e_tm, e_tr = network(
        torch.randn(1, 2, 3, 48, 64), torch.randn(3, 2, 3, 48, 64), torch.rand(1, 2, 48, 64).round()
    )
    assert logits.shape == (3, 2, 48, 64)
    assert e_tm.shape == e_tr.shape == (4, 2, 4, 3, 4)
    (logits.square().mean() + e_tm.mean() + e_tr.mean()).backward()
    silent = {name for name, p in network.named_parameters() if p.grad is None}
    assert silent == {
        f"transformer.{part}.WV.{kind}"
        for part in ("encoder.self_attn", "decoder.cross_attn")
        for kind in ("weight", "bias")
    }
