"""Attention without the copies of PyTorch's module."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ltr.models.referring.fusion import attend


@pytest.mark.parametrize("has_padding", [True, False])
def test_attention_equals_the_module(has_padding):
    torch.manual_seed(0)
    module = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True).eval()
    nn.init.normal_(module.in_proj_bias)
    queries, keys, values = torch.randn(3, 7, 8), torch.randn(3, 5, 8), torch.randn(3, 5, 8)
    padding = torch.arange(5)[None] >= torch.tensor([[5], [2], [4]]) if has_padding else None
    wanted = module(queries, keys, values, key_padding_mask=padding, need_weights=False)[0]
    torch.testing.assert_close(attend(module, queries, keys, values, padding), wanted)


def test_units_are_dropped_in_training_only():
    torch.manual_seed(0)
    module, x = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True), torch.randn(1, 6, 8)
    assert not torch.equal(attend(module, x, x, x), attend(module, x, x, x))
    module.eval()
    assert torch.equal(attend(module, x, x, x), attend(module, x, x, x))
