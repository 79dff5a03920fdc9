"""Bicubic resizing against PyTorch's own."""

import pytest
import torch
import torch.nn.functional as F

from ltr.models.layers.resizing import resize_bicubic


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 9, 2, 5), (1, 64, 30, 52)])
def test_doubling_equals_pytorch(shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    size = (2 * shape[2], 2 * shape[3])
    expected = F.interpolate(x, size, mode="bicubic")
    torch.testing.assert_close(resize_bicubic(x, size), expected, rtol=0, atol=3e-6)


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
