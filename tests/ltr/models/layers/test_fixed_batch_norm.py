from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from ltr.models.layers.folding import convolve_and_normalise, fold_batch_norms
from tests.seeded_weights import seeded_tensor


@pytest.fixture
def pair():
    """A convolution and a norm with drawn statistics."""
    module = nn.Sequential(nn.Conv2d(3, 5, 3, 2, 1, bias=False), FrozenBatchNorm2d(5))
    for key, value in module.state_dict().items():
        value.copy_(seeded_tensor(key, value.shape))
    return module.double()


def test_it_is_a_batch_norm_in_eval_mode_that_is_never_trained(pair):
    norm = nn.BatchNorm2d(5).double().eval()
    norm.load_state_dict(pair[1].state_dict(), strict=False)
    x = torch.randn(2, 5, 4, 6).double()
    for module in (pair[1].train(), pair[1].eval()):
        assert torch.allclose(module(x), norm(x))
    assert not list(pair[1].parameters())
    assert list(pair[1].state_dict()) == ["weight", "bias", "running_mean", "running_var"]


@pytest.mark.parametrize("has_gradient", [True, False])
def test_it_scales_the_weights_of_the_convolution_before_it(pair, has_gradient):
    x = torch.randn(2, 3, 8, 10).double()
    with torch.set_grad_enabled(has_gradient):
        assert torch.allclose(convolve_and_normalise(x, *pair.train()), pair(x))
        wanted = pair.eval()(x)
        assert torch.allclose(fold_batch_norms(pair)(x), wanted)
    assert isinstance(pair[1], nn.Identity)
