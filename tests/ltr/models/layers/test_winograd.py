"""3x3 convolutions by transformed tiles."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ltr.models.layers import tiles
from ltr.models.layers.tiles import TileKernels, convolve_by_tiles
from ltr.models.layers.winograd import WinogradConv2d, use_winograd

sides, channels = st.integers(1, 30), st.integers(1, 5)


@given(st.integers(1, 3), channels, channels, sides, sides, st.booleans(), st.integers(1, 9))
@settings(deadline=None)
def test_tiles_give_what_a_convolution_gives(
    count, inputs, outputs, height, width, has_bias, dilation
):
    torch.manual_seed(0)
    x, weight = torch.randn(count, inputs, height, width), torch.randn(outputs, inputs, 3, 3)
    bias = torch.randn(outputs) if has_bias else None
    got = convolve_by_tiles(x, TileKernels(weight, bias, x.shape, dilation))
    want = F.conv2d(x, weight, bias, padding=dilation, dilation=dilation)
    torch.testing.assert_close(got, want, rtol=0, atol=4e-5 * float(want.abs().max()))


@pytest.mark.parametrize("height", [24, 22])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("rectifies", [True, False])
def test_sums_and_rectifiers_follow_the_convolution(height, dilation, rectifies):
    torch.manual_seed(0)
    x, weight = torch.randn(2, 3, height, 16), torch.randn(4, 3, 3, 3)
    bias, added = torch.randn(4), torch.randn(2, 4, height, 16)
    kernels = TileKernels(weight, bias, x.shape, dilation)
    got = convolve_by_tiles(x, kernels, added, rectifies)
    want = F.conv2d(x, weight, bias, padding=dilation, dilation=dilation) + added
    want = want.relu() if rectifies else want
    torch.testing.assert_close(got, want, rtol=0, atol=1e-4)


def test_more_tiles_than_a_block_holds():
    torch.manual_seed(0)
    x, weight = torch.randn(5, 2, 30, 70), torch.randn(3, 2, 3, 3)
    got = convolve_by_tiles(x, TileKernels(weight, None, x.shape))
    torch.testing.assert_close(got, F.conv2d(x, weight, padding=1), rtol=0, atol=1e-4)


def test_kernels_without_the_convolution_library(monkeypatch):
    monkeypatch.setattr(tiles, "can_pack", lambda device: False)
    torch.manual_seed(0)
    x, weight = torch.randn(2, 5, 9, 7), torch.randn(3, 5, 3, 3)
    kernels = TileKernels(weight, None, x.shape)
    got = convolve_by_tiles(x, kernels)
    torch.testing.assert_close(got, F.conv2d(x, weight, padding=1), rtol=0, atol=1e-4)
    torch.testing.assert_close(kernels.dense(), weight, rtol=0, atol=1e-6)


def test_rounding_is_like_that_of_the_direct_form():
    torch.manual_seed(0)
    conv = nn.Conv2d(256, 128, 3, padding=1)
    x = torch.randn(1, 256, 32, 32)
    with torch.no_grad():
        exact = F.conv2d(x.double(), conv.weight.double(), conv.bias.double(), padding=1)
        error = (WinogradConv2d.of(conv)(x) - exact).abs().max() / exact.abs().max()
    assert error < 1e-5


def test_only_plain_convolutions_with_many_channels_are_replaced():
    network = nn.Sequential(
        nn.Conv2d(128, 128, 3, padding=1),
        nn.Conv2d(128, 128, 3, padding=1, stride=2),
        nn.Conv2d(128, 128, 1),
        nn.Conv2d(128, 32, 3, padding=1),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.Sequential(nn.Conv2d(32, 32, 1), nn.Conv2d(64, 256, 3, padding=1, bias=False)),
    )
    names = set(network.state_dict())
    use_winograd(use_winograd(network))
    found = [name for name, layer in network.named_modules() if isinstance(layer, WinogradConv2d)]
    assert found == ["0", "5.1"]
    assert set(network.state_dict()) == names


@pytest.mark.parametrize("size", [(64, 64), (4, 4)])
def test_gradients_flow_as_before(size):
    torch.manual_seed(0)
    conv = nn.Conv2d(128, 128, 3, padding=1)
    replaced, x = WinogradConv2d.of(conv), torch.randn(1, 128, *size)
    want, got = conv(x), replaced(x)
    assert torch.equal(want, got)
    got.sum().backward()
    assert conv.weight.grad is not None
