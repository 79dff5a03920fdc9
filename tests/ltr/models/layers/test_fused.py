"""Fused and packed convolutions against the layers that they take the place of."""

import copy

import pytest
import torch
from torch import nn

from ltr.models.backbone.fused_resnet import FusedBlock, fuse_resnet
from ltr.models.backbone.resnet import resnet18, resnet50
from ltr.models.joint.decoder import ScoreHead
from ltr.models.joint.fused import FusedHead, fuse_joint
from ltr.models.layers.dilated import fits_dilated
from ltr.models.layers.folding import fold_batch_norms
from ltr.models.layers.fused import FusedConv2d, fuse_sequential, pack, unpack
from ltr.models.layers.tiles import TileKernels, convolve_by_tiles
from tests.small_joint import small_network


def _channels_last(*size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(size))
    return torch.randn(size, generator=generator).to(memory_format=torch.channels_last)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (6, 7)])
def test_tiles_give_the_convolution(size: tuple[int, int]) -> None:
    weight, x = _channels_last(24, 40, 3, 3), _channels_last(2, 40, *size)
    expected = torch.conv2d(x.double(), weight.double(), padding=1)
    found = convolve_by_tiles(x, TileKernels(weight, None, x.shape))
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert (found - expected).abs().max() < 3e-6 * expected.abs().max()


def test_transformed_weights_can_be_restored() -> None:
    weight = _channels_last(8, 5, 3, 3)
    assert torch.allclose(
        TileKernels(weight, None, torch.Size([1, 5, 9, 9])).dense(), weight, atol=1e-6
    )


@pytest.mark.parametrize(("channels", "side"), [(16, 5), (64, 5), (64, 49), (256, 48)])
@pytest.mark.parametrize("is_biased", [True, False])
@torch.inference_mode()
def test_a_packed_convolution_adds_and_rectifies(channels: int, side: int, is_biased: bool) -> None:
    conv = nn.Conv2d(channels, channels, 3, 1, 1, bias=is_biased)
    x, added = _channels_last(2, channels, side, 8), _channels_last(2, channels, side, 8)
    plain, fused = conv(x), FusedConv2d(copy.deepcopy(conv), rectifies=True)
    assert torch.equal(fused(x), plain.relu())
    fused.pack()
    assert torch.allclose(fused(x), plain.relu(), atol=1e-5)
    assert fused.conv.weight.numel() == 0
    assert torch.allclose(fused(x, added.clone()), (plain + added).relu(), atol=1e-5)
    fused.unpack()
    assert torch.allclose(fused.conv.weight, conv.weight, atol=1e-6)
    assert torch.allclose(fused(x), plain.relu(), atol=1e-5)


@pytest.mark.parametrize("channels", [16, 64])
@torch.inference_mode()
def test_a_fused_convolution_may_double_its_input(channels: int) -> None:
    conv, x = nn.Conv2d(channels, 32, 3, 1, 1), _channels_last(2, channels, 12, 9)
    doubled = torch.nn.functional.interpolate(x, (24, 18), mode="bicubic")
    expected, fused = conv(doubled).relu(), FusedConv2d(conv, rectifies=True, is_doubled=True)
    for change in (fused.unpack, fused.pack, fused.unpack):
        change()
        assert torch.allclose(fused(x), expected, atol=1e-5)


@pytest.mark.parametrize("size", [(64, 48), (50, 48)])
@torch.inference_mode()
def test_a_fused_head_gives_the_same_scores(size: tuple[int, int]) -> None:
    head, x = ScoreHead(64), _channels_last(2, 64, 16, 12)
    expected, fused = head(x, size), FusedHead(head)
    for change in (unpack, pack):
        change(fused)
        assert torch.allclose(fused(x, size), expected, atol=1e-5)


@pytest.mark.parametrize("dilation", [2, 3, 4])
@torch.inference_mode()
def test_a_packed_convolution_may_be_dilated(dilation: int) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(256, 256, 3, 1, dilation, dilation)
    x = _channels_last(1, 256, 30, 28)
    expected, fused = conv(x).relu(), FusedConv2d(conv, rectifies=True)
    fused.pack()
    assert torch.allclose(fused(x), expected, atol=1e-5)
    fused.unpack()
    assert torch.allclose(fused(x), expected, atol=1e-5)


@pytest.mark.parametrize("dilation", [5, 6, 12, 18])
@torch.inference_mode()
def test_a_packed_convolution_may_be_dilated_far(dilation: int) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(256, 24, 3, 1, dilation, dilation)
    plain, fused = copy.deepcopy(conv), FusedConv2d(conv, rectifies=True)
    fused.pack()
    assert fits_dilated(plain, _channels_last(2, 256, 32, 40)) == (dilation < 18)
    for size in ((2, 256, 32, 40), (1, 256, 23, 37), (1, 256, 7, 3)):  # laid out for the first
        x, added = _channels_last(*size), _channels_last(size[0], 24, *size[2:])
        expected, sums = plain(x).relu(), (plain(x) + added).relu()
        most = 2e-5 * float(expected.max())
        assert torch.allclose(fused(x), expected, rtol=0, atol=most)
        assert torch.allclose(fused(x, added.clone()), sums, rtol=0, atol=most)
    fused.unpack()
    assert torch.allclose(fused.conv.weight, plain.weight, atol=1e-6)


@torch.inference_mode()
def test_sequences_keep_their_results_and_the_names_of_their_members() -> None:
    layers = nn.Sequential(
        nn.Conv2d(4, 8, 3, 1, 1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Conv2d(8, 4, 1)
    ).eval()
    x = _channels_last(1, 4, 6, 7)
    expected = layers(x)
    fuse_sequential(fold_batch_norms(layers))
    pack(layers)
    assert torch.allclose(layers(x), expected, atol=1e-6)
    assert [type(layer) for layer in layers] == [FusedConv2d, nn.Identity, nn.Identity, FusedConv2d]


@pytest.mark.parametrize("build", [lambda: resnet50(True, 8), lambda: resnet18(8)])
@torch.inference_mode()
def test_a_fused_backbone_gives_the_same_layers(build) -> None:
    network, images = build().eval(), _channels_last(2, 3, 64, 96)
    expected = network(images)
    for _ in range(2):
        fuse_resnet(fold_batch_norms(network))
        pack(network)
    assert isinstance(network.layer4[0], FusedBlock)
    for name, value in network(images).items():
        assert torch.allclose(value, expected[name], atol=1e-4 * float(expected[name].abs().max()))
    assert list(network(images, last="layer2")) == ["layer1", "layer2"]


@pytest.mark.parametrize("index", [None, torch.tensor([0, 0, 1])])
@torch.inference_mode()
def test_a_fused_decoder_gives_the_same_scores(index: torch.Tensor | None) -> None:
    network = fold_batch_norms(small_network())
    layers = network.feature_extractor(_channels_last(2, 3, 64, 96))
    encodings = _channels_last(2 if index is None else 3, 4, 4, 6)
    expected = network.decoder(encodings, layers, (64, 96), index)
    fuse_joint(network)
    for change in (pack, unpack):
        change(network)
        found = network.decoder(encodings, layers, (64, 96), index)
        assert torch.allclose(found, expected, atol=1e-5 * float(expected.abs().max()))
