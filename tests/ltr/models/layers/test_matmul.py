"""Matrix products through convolutions, shifted sums and normalisations."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from ltr.models.layers.matmul import PackedLinear, apply_linear, linear_fast
from ltr.models.layers.normalization import SampleL2Norm
from ltr.models.layers.shifts import shift, sum_shifted

sides = st.integers(1, 9)


@given(sides, sides, sides, st.booleans(), st.sampled_from([torch.float32, torch.float64]))
@settings(deadline=None)
def test_products_equal_matrix_products(n, m, c, has_bias, dtype):
    torch.manual_seed(0)
    x, weight = torch.randn(n, m, dtype=dtype), torch.randn(c, m, dtype=dtype)
    bias = torch.randn(c, dtype=dtype) if has_bias else None
    want = F.linear(x, weight, bias)
    torch.testing.assert_close(linear_fast(x, weight, bias), want)
    packed = PackedLinear(weight, bias, n)
    torch.testing.assert_close(packed(x), want)
    torch.testing.assert_close(copy.deepcopy(packed)(x[:1]), want[:1])


@pytest.mark.parametrize("has_bias", [True, False])
def test_a_layer_on_tokens_in_any_order(has_bias):
    torch.manual_seed(0)
    layer, x = torch.nn.Linear(6, 4, bias=has_bias), torch.randn(5, 2, 3, 6).transpose(0, 2)
    torch.testing.assert_close(apply_linear(layer, x), layer(x))


def test_products_of_half_precision():
    torch.manual_seed(0)
    x, weight = torch.randn(5, 7).bfloat16(), torch.randn(3, 7).bfloat16()
    want = x.float() @ weight.float().t()
    torch.testing.assert_close(linear_fast(x, weight).float(), want, rtol=0.02, atol=0.05)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_shifted_sums_are_a_convolution(k):
    torch.manual_seed(0)
    x, weight = torch.randn(2, 4, 6, 7), torch.randn(3, 4, k, k)
    taps = torch.einsum("nchw,fcij->nijfhw", x, weight)
    torch.testing.assert_close(
        sum_shifted(taps), F.conv2d(x, weight, padding=k // 2), rtol=1e-4, atol=1e-5
    )


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 3]))
@settings(deadline=None)
def test_shift_is_the_transpose_of_the_sum(height, width, k):
    torch.manual_seed(0)
    taps = torch.randn(2, k, k, 3, height, width, dtype=torch.float64)
    maps = torch.randn(2, 3, height, width, dtype=torch.float64)
    torch.testing.assert_close((sum_shifted(taps) * maps).sum(), (taps * shift(maps, k)).sum())


def test_sample_norm_has_a_fixed_energy_for_any_scale_of_the_input():
    torch.manual_seed(0)
    x = torch.randn(3, 4, 5, 6)
    norm = SampleL2Norm(scale=0.5)
    for factor in (1.0, 100.0):
        energy = norm(factor * x).square().mean(dim=(1, 2, 3))
        torch.testing.assert_close(energy, torch.full((3,), 0.25), rtol=1e-4, atol=0)
