from __future__ import annotations

import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ltr.models.layers.chunks import apply_in_chunks
from ltr.models.layers.parallel import even_slices, map_in_rounds, map_side_by_side


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 5))
def test_parts_are_even_and_cover_the_range(count, most, multiple):
    parts = even_slices(count, most, multiple)
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(count))
    sizes = {part.stop - part.start for part in parts}
    assert max(sizes) <= most
    assert max(sizes) - min(sizes) <= 1
    assert len(parts) % multiple == 0 or len(parts) == count


@torch.inference_mode()
def test_pieces_share_the_threads_and_keep_their_order(two_threads):
    meeting = threading.Barrier(2)  # only threads that run at the same time get past it

    def double(piece):
        if piece < 2:
            meeting.wait(timeout=60)
        return piece * 2, torch.get_num_threads(), torch.is_inference_mode_enabled()

    found = map_side_by_side(double, range(4))
    assert found == [(2 * piece, 1, True) for piece in range(4)]
    assert torch.get_num_threads() == 2


@torch.no_grad()
def test_what_is_left_over_gets_all_threads(two_threads):
    found = map_in_rounds(lambda piece: (piece, torch.get_num_threads()), range(3))
    assert found == [(0, 1), (1, 1), (2, 2)]


@torch.no_grad()
def test_an_error_in_a_piece_is_raised(two_threads):
    with pytest.raises(ZeroDivisionError):
        map_side_by_side(lambda piece: 1 / piece, [1, 0, 2])
    assert torch.get_num_threads() == 2


def test_with_gradients_one_after_the_other(two_threads):
    found = map_side_by_side(lambda piece: threading.current_thread(), range(3))
    assert set(found) == {threading.main_thread()}


@torch.no_grad()
@pytest.mark.parametrize("is_side_by_side", [False, True])
def test_chunks_keep_the_order_of_axes_in_memory(two_threads, is_side_by_side):
    maps = torch.randn(5, 3, 4, 6).contiguous(memory_format=torch.channels_last)
    found = apply_in_chunks(torch.exp, maps, size=2, is_side_by_side=is_side_by_side)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found, maps.exp())
