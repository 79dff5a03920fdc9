from __future__ import annotations

import pytest
import torch
from torch import nn

from ltr.models.layers.folding import convolve_and_normalise, fold_batch_norms


def make_pair() -> nn.Sequential:
    torch.manual_seed(0)
    pair = nn.Sequential(nn.Conv2d(3, 5, 3, 2, 1, bias=False), nn.BatchNorm2d(5)).double()
    norm = pair[1]
    for values in (norm.weight, norm.running_var):
        nn.init.uniform_(values, 0.5, 1.5)
    for values in (norm.bias, norm.running_mean):
        nn.init.normal_(values)
    return pair


def gradients(pair: nn.Sequential, output: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(output.square().sum(), list(pair.parameters())))


def test_values_and_gradients_are_those_of_the_two_modules() -> None:
    pair, x = make_pair().eval(), torch.randn(2, 3, 8, 8).double()
    wanted, got = pair(x), convolve_and_normalise(x, *pair)
    assert torch.allclose(got, wanted)
    for one, other in zip(gradients(pair, got), gradients(pair, wanted), strict=True):
        assert torch.allclose(one, other)


def test_less_is_kept_for_the_backward_pass() -> None:
    pair, x = make_pair().eval(), torch.randn(2, 3, 64, 64).double()
    kept = []
    for compute in (lambda: pair(x), lambda: convolve_and_normalise(x, *pair)):
        tensors = {}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, tensors=tensors: tensors.setdefault(t.data_ptr(), t), lambda t: t
        ):
            compute()
        kept.append(sum(tensor.numel() for tensor in tensors.values()))
    assert kept[1] < kept[0] - pair(x).numel() / 2


@pytest.mark.parametrize("mode", ["training", "no gradient", "folded"])
def test_other_cases_apply_the_modules(mode: str) -> None:
    pair, x = make_pair(), torch.randn(2, 3, 8, 8).double()
    pair.train(mode == "training")
    if mode == "folded":
        fold_batch_norms(pair)
    with torch.set_grad_enabled(mode != "no gradient"):
        got = convolve_and_normalise(x, *pair)
    if mode == "training":
        assert pair[1].num_batches_tracked == 1
    assert torch.allclose(got, pair(x))
