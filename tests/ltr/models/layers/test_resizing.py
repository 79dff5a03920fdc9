"""Resizing, and convolutions of what is resized, against PyTorch's own."""

import pytest
import torch
import torch.nn.functional as F

from ltr.models.layers.resizing import convolve_enlarged, resize_bicubic, sum_doubled
from ltr.models.layers.shifts import sum_shifted


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 9, 2, 5), (1, 64, 30, 52)])
def test_doubling_equals_pytorch(shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    size = (2 * shape[2], 2 * shape[3])
    expected = F.interpolate(x, size, mode="bicubic")
    torch.testing.assert_close(resize_bicubic(x, size), expected, rtol=0, atol=3e-6)


@pytest.mark.parametrize("size", [(10, 7), (5, 14)])
def test_one_side_alone_may_be_doubled(size):
    x = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(x, size, mode="bicubic")
    torch.testing.assert_close(resize_bicubic(x, size), expected, rtol=0, atol=3e-6)


@pytest.mark.parametrize("size", [(1, 1), (3, 20), (30, 41)])
def test_the_taps_of_doubled_maps_are_summed(size):
    taps = torch.randn(*size, 9, generator=torch.Generator().manual_seed(0))
    doubled = F.interpolate(taps.permute(2, 0, 1)[None], (2 * size[0], 2 * size[1]), mode="bicubic")
    expected = sum_shifted(doubled[0].view(3, 3, 1, *doubled.shape[2:]))[0]
    torch.testing.assert_close(sum_doubled(taps), expected, rtol=0, atol=1e-5)


def test_other_factors_are_pytorchs():
    x = torch.randn(1, 2, 6, 7, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(x, (13, 14), mode="bicubic")
    assert torch.equal(resize_bicubic(x, (13, 14)), expected)


def test_gradient_equals_pytorchs():
    x = torch.randn(1, 2, 4, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    weights = torch.randn(1, 2, 8, 10, generator=torch.Generator().manual_seed(1))
    (ours,) = torch.autograd.grad((resize_bicubic(x, (8, 10)) * weights).sum(), x)
    (theirs,) = torch.autograd.grad((F.interpolate(x, (8, 10), mode="bicubic") * weights).sum(), x)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("sizes", [((1, 1), (1, 1)), ((2, 5), (8, 17)), ((9, 4), (36, 16))])
def test_a_convolution_of_enlarged_maps_needs_no_enlarged_maps(sizes):
    small, large = sizes
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, *small, generator=generator)
    weight = torch.randn(4, 3, 3, 3, generator=generator)
    enlarged = F.interpolate(x, large, mode="bilinear", align_corners=True)
    expected = F.conv2d(enlarged, weight, padding=1)
    found = convolve_enlarged(x, weight, large)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
