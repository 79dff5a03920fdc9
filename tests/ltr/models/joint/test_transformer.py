"""The transduction branch against its definition."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from ltr.models.joint.transformer import Transformer
from ltr.models.layers.normalization import token_instance_norm


def _tokens(*shape):
    torch.manual_seed(0)
    return torch.randn(*shape)


def test_encoder_is_softmax_over_all_frames_then_norm_per_frame():
    transformer = Transformer(6, dim=8, key_dim=4)
    frames = _tokens(3, 2, 5, 8)
    attention = transformer.encoder.self_attn
    encoded = transformer.encoder(frames)
    for sequence in range(2):
        tokens = frames[:, sequence].reshape(15, 8)
        keys = F.normalize(attention.WK(tokens), dim=1)
        attended = tokens + F.softmax(30 * keys @ keys.t(), dim=1) @ tokens
        for frame, want in enumerate(attended.view(3, 5, 8)):
            want = nn.InstanceNorm1d(8)(want.t()[None])[0].t()
            torch.testing.assert_close(encoded[frame, sequence], want, rtol=1e-4, atol=1e-5)


def test_reading_is_a_convex_combination_of_the_values():
    transformer = Transformer(6, dim=8, key_dim=4)
    memory, values = _tokens(2, 1, 20, 8), torch.rand(2, 1, 20, 3)
    read = transformer.decoder(_tokens(1, 20, 8), memory, values)
    low, high = values.amin(dim=(0, 1, 2)), values.amax(dim=(0, 1, 2))
    assert ((read >= low - 1e-6) & (read <= high + 1e-6)).all()
    constant = transformer.decoder(_tokens(1, 20, 8), memory, torch.full_like(values, 0.7))
    torch.testing.assert_close(constant, torch.full_like(constant, 0.7))


def test_encoder_and_decoder_share_their_self_attention():
    transformer = Transformer(6, dim=8, key_dim=4)
    assert transformer.encoder.self_attn is transformer.decoder.self_attn


def test_unused_value_projection_gets_no_gradient():
    transformer = Transformer(6, dim=8, key_dim=4)
    features = _tokens(2, 1, 6, 4, 4)
    transformer(features[:1], features, torch.rand(2, 1, 3, 4, 4)).sum().backward()
    assert transformer.encoder.self_attn.WV.weight.grad is None
    assert transformer.encoder.self_attn.WK.weight.grad.abs().sum() > 0


def test_instance_norm_gradient_for_a_permuted_view():
    tokens = _tokens(2, 5, 3).double().requires_grad_()

    def normalise(tokens):
        return token_instance_norm(tokens).transpose(1, 2)

    assert torch.autograd.gradcheck(normalise, (tokens,))
