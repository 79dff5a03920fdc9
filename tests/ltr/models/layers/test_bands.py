"""3x3 convolutions by bands of transformed rows, against PyTorch's own."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ltr.models.layers import bands
from ltr.models.layers.bands import BandKernels, convolve_by_bands, fits_bands
from ltr.models.layers.matmul import can_pack

needs_packing = pytest.mark.skipif(
    not can_pack(torch.device("cpu")), reason="this PyTorch has no packed convolutions"
)
counts, channels, sides = st.integers(1, 3), st.integers(1, 5), st.integers(1, 30)


def _maps(*size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(size))
    return torch.randn(size, generator=generator).to(memory_format=torch.channels_last)


@needs_packing
@given(counts, channels, channels, sides, sides, st.booleans(), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=40)
@torch.inference_mode()
def test_bands_give_what_a_convolution_gives(
    count, inputs, outputs, height, width, is_doubled, is_added, rectifies
):
    x, weight = _maps(count, inputs, height, width), _maps(outputs, inputs, 3, 3)
    bias = torch.arange(outputs, dtype=torch.float32)
    seen = x
    if is_doubled:
        seen = F.interpolate(x, (2 * height, 2 * width), mode="bicubic")
    want = F.conv2d(seen, weight, bias, padding=1)
    added = _maps(*want.shape) if is_added else None
    want = want if added is None else want + added
    want = want.relu() if rectifies else want
    kernels = BandKernels(weight, bias, x.shape, is_doubled)
    got = convolve_by_bands(x, kernels, added, rectifies)
    assert got.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(got, want, rtol=0, atol=2e-5 * (1 + float(want.abs().max())))
    torch.testing.assert_close(kernels.dense(), weight, rtol=0, atol=1e-6)


@needs_packing
@pytest.mark.parametrize("most", [1, 700, 100_000])
@torch.inference_mode()
def test_results_do_not_depend_on_how_many_bands_are_computed_together(monkeypatch, most):
    x, weight = _maps(4, 3, 50, 7), _maps(5, 3, 3, 3)
    monkeypatch.setattr(bands, "_MOST", most)
    got = convolve_by_bands(x, BandKernels(weight, None, x.shape, False))
    torch.testing.assert_close(got, F.conv2d(x, weight, padding=1), rtol=0, atol=1e-4)


@needs_packing
@torch.inference_mode()
def test_rounding_is_like_that_of_tiles():
    conv, x = nn.Conv2d(64, 64, 3, padding=1), _maps(1, 64, 48, 40)
    exact = F.conv2d(x.double(), conv.weight.double(), conv.bias.double(), padding=1)
    got = convolve_by_bands(x, BandKernels(conv.weight, conv.bias, x.shape, False))
    assert (got - exact).abs().max() / exact.abs().max() < 5e-6


@needs_packing
@pytest.mark.parametrize(
    ("inputs", "outputs", "height", "options", "is_fit"),
    [
        (64, 64, 120, {}, True),
        (64, 32, 120, {}, True),
        (64, 80, 18, {}, True),
        (64, 64, 17, {}, False),
        (128, 128, 120, {}, False),
        (64, 16, 120, {}, False),
        (32, 32, 120, {}, False),
        (64, 64, 120, {"stride": 2}, False),
        (64, 64, 120, {"groups": 2}, False),
    ],
)
def test_bands_are_for_few_channels_and_many_rows(inputs, outputs, height, options, is_fit):
    conv = nn.Conv2d(inputs, outputs, 3, padding=1, **options)
    x = torch.empty(1, inputs, height, 400)
    assert fits_bands(conv, x) == is_fit


@needs_packing
@pytest.mark.parametrize(
    ("shape", "is_doubled", "with_two"),
    [
        ((1, 64, 120, 208), False, True),
        ((3, 64, 30, 52), False, False),
        ((1, 64, 60, 104), False, True),
        ((1, 64, 36, 50), False, False),
        ((1, 64, 36, 50), True, True),
    ],
)
def test_bands_are_for_large_maps(threads, shape, is_doubled, with_two):
    conv, x = nn.Conv2d(64, 64, 3, padding=1), torch.empty(shape)
    assert fits_bands(conv, x, is_doubled) == (with_two or threads == 1)
