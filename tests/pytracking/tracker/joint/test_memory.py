"""The memory's running sums against attention computed from scratch."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from ltr.models.joint.transformer import CosineAttention
from ltr.models.layers.normalization import token_instance_norm
from pytracking.tracker.joint.attention import Attended, RunningAttention
from pytracking.tracker.joint.features import CropFeatures, EncodedCrop, LabelEncoding
from pytracking.tracker.joint.memory import ObjectMemory, store
from pytracking.tracker.joint.sample_weights import SampleWeights

TOKENS, DIM, KEY = 12, 8, 4


@pytest.fixture(scope="module")
def attentions():
    torch.manual_seed(1)
    with torch.no_grad():
        yield CosineAttention(DIM, KEY), CosineAttention(DIM, KEY)


def _crop(attention, generator):
    tokens = torch.randn(TOKENS, DIM, generator=generator)
    keys = attention.keys(tokens).detach()
    attended = Attended(keys, tokens)
    features = CropFeatures(torch.randn(5, 3, 4, generator=generator), tokens, keys)
    return EncodedCrop(features, RunningAttention.of(attended.weights(keys), attended))


def _encoding(generator):
    values = torch.rand(TOKENS, 3, generator=generator)
    maps = torch.rand(2, 2, 3, 4, generator=generator)
    return LabelEncoding(maps[0], maps[1], torch.cat([values, torch.ones(TOKENS, 1)], dim=1))


def _memory(crop, generator, capacity=4):
    return ObjectMemory(crop, _encoding(generator), SampleWeights(capacity, 0.1, 0.25))


def _read_from_scratch(memory, attentions, queries):
    self_attention, cross_attention = attentions
    tokens = torch.cat([crop.tokens for crop in memory.crops])
    keys = self_attention.keys(tokens)
    encoded = tokens + F.softmax(30 * keys @ keys.t(), dim=1) @ tokens
    encoded = token_instance_norm(encoded.view(len(memory.crops), TOKENS, DIM)).flatten(0, 1)
    values = torch.cat([encoding.values[:, :-1] for encoding in memory.encodings])
    return (F.softmax(30 * queries @ cross_attention.keys(encoded).t(), dim=1) @ values).t()


@torch.no_grad()
def test_a_thousand_replacements_stay_exact(attentions):
    generator = torch.Generator().manual_seed(0)
    memory = _memory(_crop(attentions[0], generator), generator)
    queries = F.normalize(torch.randn(TOKENS, KEY, generator=generator), dim=1)
    for count in range(1000):
        store([memory], [_crop(attentions[0], generator)], [_encoding(generator)])
        assert len(memory.crops) == min(count + 2, 4)
        assert all(pair[0] in memory.crops and pair[1] in memory.crops for pair in memory.kept)
        if count % 100 == 0 or count < 8:
            memory.encode(attentions[1])
            want = _read_from_scratch(memory, attentions, queries)
            torch.testing.assert_close(memory.read(queries), want, rtol=0, atol=1e-4)


@torch.no_grad()
def test_what_leaves_soon_is_kept(attentions):
    generator = torch.Generator().manual_seed(0)
    memory = _memory(_crop(attentions[0], generator), generator, capacity=16)
    for _ in range(40):
        store([memory], [_crop(attentions[0], generator)], [_encoding(generator)])
    by_leaving = [sum(old is memory.crops[slot] for _, old in memory.kept) for slot in range(16)]
    assert sorted(by_leaving) == [0, 0, 0, *range(13)]
    memory.encode(attentions[1])
    queries = F.normalize(torch.randn(TOKENS, KEY, generator=generator), dim=1)
    want = _read_from_scratch(memory, attentions, queries)
    torch.testing.assert_close(memory.read(queries), want, rtol=0, atol=1e-5)


@torch.no_grad()
def test_the_first_frame_is_never_replaced(attentions):
    generator = torch.Generator().manual_seed(0)
    first = _crop(attentions[0], generator)
    memory = _memory(first, generator)
    for _ in range(10):
        store([memory], [_crop(attentions[0], generator)], [_encoding(generator)])
    assert memory.crops[0] is first.features


@torch.no_grad()
def test_objects_that_share_crops_remember_as_if_alone(attentions):
    """Three objects: two share all later crops, the third shares some."""
    generator = torch.Generator().manual_seed(0)
    firsts = [_crop(attentions[0], generator) for _ in range(3)]
    together = [_memory(first, generator) for first in firsts]
    alone = [_memory(first, generator) for first in firsts]
    for time in range(9):
        common = _crop(attentions[0], generator)
        other = _crop(attentions[0], generator) if time % 3 == 0 else common
        crops, encodings = [common, common, other], [_encoding(generator) for _ in range(3)]
        store(together, crops, encodings)
        for memory, crop, encoding in zip(alone, crops, encodings, strict=True):
            store([memory], [crop], [encoding])
    for one, many in zip(alone, together, strict=True):
        assert [id(crop) for crop in one.crops] == [id(crop) for crop in many.crops]
        for sums, want in zip(many.attention, one.attention, strict=True):
            torch.testing.assert_close(sums.numerator, want.numerator, rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(sums.denominator, want.denominator, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_labels_and_weights_follow_the_slots(attentions):
    generator = torch.Generator().manual_seed(0)
    memory = _memory(_crop(attentions[0], generator), generator)
    latest = None
    for _ in range(6):
        latest = _encoding(generator)
        store([memory], [_crop(attentions[0], generator)], [latest])
    slot = next(i for i, encoding in enumerate(memory.encodings) if encoding is latest)
    assert torch.equal(memory.labels[slot].permute(2, 0, 1), latest.induction)
    want = latest.weights * float(memory.weights.values[slot])
    torch.testing.assert_close(memory.sample_weights[slot].permute(2, 0, 1), want)
