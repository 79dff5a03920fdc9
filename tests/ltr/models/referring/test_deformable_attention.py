from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ltr.models.referring import deformable_sampling
from ltr.models.referring.deformable_attention import DeformableAttention
from ltr.models.referring.deformable_sampling import gather_points, sample_points

SIZES = ((5, 7), (3, 4), (1, 2))


def drawn(seed=0, batch=2, queries=3, heads=2, points=2, channels=4):
    generator = torch.Generator().manual_seed(seed)
    tokens = sum(height * width for height, width in SIZES)
    shape = (batch, queries, heads, len(SIZES), points)
    return (
        torch.randn(batch, tokens, heads, channels, generator=generator, dtype=torch.float64),
        torch.rand(*shape, 2, generator=generator, dtype=torch.float64) * 1.6 - 0.3,
        torch.rand(shape, generator=generator, dtype=torch.float64),
    )


def four_corners(values, sizes, locations, weights):
    """The definition, point by point."""
    batch, queries, heads, levels, points, _ = locations.shape
    output = torch.zeros(batch, queries, heads, values.shape[-1], dtype=values.dtype)
    starts = [0, *itertools.accumulate(height * width for height, width in sizes)]
    places = itertools.product(*map(range, (batch, queries, heads, levels, points)))
    for b, q, m, level, p in places:
        height, width = sizes[level]
        x, y = (locations[b, q, m, level, p] * torch.tensor([width, height]) - 0.5).tolist()
        for row, column in itertools.product(
            (int(y // 1), int(y // 1) + 1), (int(x // 1), int(x // 1) + 1)
        ):
            if 0 <= row < height and 0 <= column < width:
                share = (1 - abs(y - row)) * (1 - abs(x - column))
                token = values[b, starts[level] + row * width + column, m]
                output[b, q, m] += weights[b, q, m, level, p] * share * token
    return output.flatten(2)


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_samples_are_the_sum_over_four_corners(seed):
    inputs = drawn(seed)
    wanted = four_corners(inputs[0], SIZES, *inputs[1:])
    assert torch.allclose(sample_points(inputs[0], SIZES, *inputs[1:]), wanted, atol=1e-12)
    gathered = [gather_points(value, SIZES, *where) for value, *where in zip(*inputs, strict=True)]
    assert torch.allclose(torch.stack(gathered), wanted, atol=1e-12)


def test_both_forms_agree_where_nothing_is_learned():
    values, locations, weights = (x.float() for x in drawn(5, queries=50))
    wanted = sample_points(values, SIZES, locations, weights)
    with torch.inference_mode():
        found = sample_points(values, SIZES, locations, weights)
    assert not torch.equal(found, wanted)
    assert torch.allclose(found, wanted, atol=1e-5)


def test_points_in_any_memory_order_and_in_parts(monkeypatch):
    values, locations, weights = (x[0] for x in drawn(7, queries=9))
    wanted = gather_points(values, SIZES, locations, weights)
    monkeypatch.setattr(deformable_sampling, "_POINTS_AT_ONCE", 1)
    queries_last = [x.permute(*range(1, x.ndim), 0).contiguous() for x in (locations, weights)]
    moved = [x.permute(x.ndim - 1, *range(x.ndim - 1)) for x in queries_last]
    assert torch.allclose(gather_points(values, SIZES, *moved), wanted, atol=1e-12)


def test_gradients():
    values, locations, weights = (x.requires_grad_() for x in drawn(1, batch=1, queries=2))
    assert torch.autograd.gradcheck(
        lambda *x: sample_points(x[0], SIZES, *x[1:]), (values, locations, weights)
    )


def test_each_head_starts_in_a_direction_of_its_own():
    layer = DeformableAttention(16, num_levels=2, num_heads=8, num_points=3)
    offsets = layer.sampling_offsets.bias.view(8, 2, 3, 2)
    assert torch.allclose(offsets[0, 0], torch.tensor([[1.0, 0], [2, 0], [3, 0]]))
    assert torch.allclose(offsets[3, 1, 0], torch.tensor([-1.0, 1.0]))
    assert torch.allclose(offsets.abs().amax(-1)[:, :, 1], torch.tensor(2.0))


def test_a_box_scales_the_offsets():
    layer = DeformableAttention(16, num_levels=3, num_heads=2, num_points=4)
    tokens, query = torch.randn(1, 45, 16), torch.randn(1, 1, 16)
    sizes = ((5, 7), (2, 3), (2, 2))
    center = torch.full((1, 1, 3, 2), 0.5)
    narrow, wide = (
        layer.attend(query, torch.cat([center, torch.full_like(center, s)], -1), tokens, sizes)
        for s in (0.1, 0.4)
    )
    assert torch.allclose(4 * (narrow.locations - 0.5), wide.locations - 0.5, atol=1e-6)
    assert torch.allclose(narrow.weights.sum((-1, -2)), torch.ones(1, 1, 2))


@pytest.mark.parametrize("is_padded", [False, True])
def test_few_queries_read_before_the_values_are_projected(is_padded):
    layer = DeformableAttention(16, num_levels=3, num_heads=2, num_points=4)
    tokens, queries = torch.randn(2, 45, 16), torch.randn(2, 3, 16)
    sizes, places = ((5, 7), (2, 3), (2, 2)), torch.rand(2, 3, 3, 2)
    padding = torch.rand(2, 45) > 0.6 if is_padded else None
    torch.nn.init.normal_(layer.value_proj.bias)
    wanted = layer(queries, places, tokens, sizes, padding)
    with torch.no_grad():
        found = layer(queries, places, tokens, sizes, padding)
    assert not torch.equal(found, wanted)
    assert torch.allclose(found, wanted, atol=1e-5)


def test_padding_counts_as_zero():
    layer = DeformableAttention(16, num_levels=1, num_heads=2, num_points=1)
    tokens, query = torch.randn(1, 12, 16), torch.randn(1, 1, 16)
    padding = torch.arange(12)[None] >= 4
    center = torch.full((1, 1, 1, 2), 0.5)
    found = layer(query, center, tokens, ((3, 4),), padding)
    changed = tokens.masked_fill(padding[..., None], 100.0)
    assert torch.equal(found, layer(query, center, changed, ((3, 4),), padding))
    assert not torch.equal(found, layer(query, center, tokens, ((3, 4),)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_half_precision_stays_near(dtype):
    exact = drawn(3)
    values, locations, weights = (x.to(dtype) for x in exact)
    found = sample_points(values, SIZES, locations, weights).double()
    wanted = sample_points(exact[0], SIZES, *exact[1:])
    assert (found - wanted).abs().max() < (0.2 if dtype == torch.bfloat16 else 1e-5)
