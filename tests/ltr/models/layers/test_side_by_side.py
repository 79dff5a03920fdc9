"""Items that run side by side, each on one core."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from ltr.models.layers.side_by_side import run_side_by_side


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_every_item_is_computed_once_on_one_core_in_the_callers_mode():
    both, seen = threading.Barrier(2, timeout=60), {}

    def look(item: int) -> None:
        if item < 2:
            both.wait()  # the first two run at the same time
        seen[item] = torch.get_num_threads(), torch.is_inference_mode_enabled()

    with torch.inference_mode():
        run_side_by_side(look, range(5))
    assert seen == dict.fromkeys(range(5), (1, True))
    assert torch.get_num_threads() == 2


def test_without_inference_mode_results_are_ordinary_tensors():
    results = []
    with torch.no_grad():
        run_side_by_side(lambda item: results.append(torch.ones(3) * item), range(4))
    assert not any(result.is_inference() or result.requires_grad for result in results)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad])
def test_an_error_of_an_item_reaches_the_caller(mode):
    def fail(item: int) -> None:
        if item == 3:
            raise ValueError("item 3")

    with mode(), pytest.raises(ValueError, match="item 3"):
        run_side_by_side(fail, range(50))
    assert torch.get_num_threads() == 2


def test_gradients_reach_what_the_items_read():
    weight, results = torch.ones(3, requires_grad=True), [torch.empty(0)] * 2

    def double(item: int) -> None:
        results[item] = weight * 2

    run_side_by_side(double, range(2))
    sum(results).sum().backward()
    assert weight.grad.tolist() == [4, 4, 4]
