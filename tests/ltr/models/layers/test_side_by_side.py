"""Items that run side by side, each on one core."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ltr.models.layers.chunks import apply_in_chunks
from ltr.models.layers.side_by_side import (
    even_slices,
    map_in_rounds,
    map_side_by_side,
    run_side_by_side,
)


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


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 5))
def test_parts_are_even_and_cover_the_range(count, most, multiple):
    parts = even_slices(count, most, multiple)
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(count))
    sizes = {part.stop - part.start for part in parts}
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1
    assert len(parts) % multiple == 0 or len(parts) == count


@torch.no_grad()
def test_results_keep_the_order_of_the_items_and_few_items_share_the_threads():
    torch.set_num_threads(4)
    found = map_side_by_side(lambda item: (2 * item, torch.get_num_threads()), range(2))
    assert found == [(0, 2), (2, 2)]


@torch.no_grad()
def test_what_is_left_over_gets_all_threads():
    found = map_in_rounds(lambda item: (item, torch.get_num_threads()), range(3))
    assert found == [(0, 1), (1, 1), (2, 2)]


def test_with_gradients_one_after_the_other():
    found = map_side_by_side(lambda item: threading.current_thread(), range(3))
    assert set(found) == {threading.main_thread()}


@torch.no_grad()
@pytest.mark.parametrize("is_side_by_side", [False, True])
def test_chunks_keep_the_order_of_axes_in_memory(is_side_by_side):
    maps = torch.randn(5, 3, 4, 6).contiguous(memory_format=torch.channels_last)
    found = apply_in_chunks(torch.exp, maps, size=2, is_side_by_side=is_side_by_side)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found, maps.exp())
