from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from ltr.models.layers.chunks import apply_in_chunks


@given(
    st.integers(1, 12),
    st.integers(1, 15),
    st.sampled_from((0, 1)),
    st.booleans(),
    st.integers(1, 3),
)
def test_pieces_give_the_whole(length, size, dim, is_shared, channels):
    shape = (2, length, 3) if dim == 1 else (length, 2, 3)
    x = torch.arange(6.0 * length).view(shape)
    other = x[:1] if dim == 0 and is_shared else x
    weight = torch.arange(6.0).view(3, 2)
    calls = []

    def function(part, second):
        calls.append(part.shape[dim])
        return (part * second) @ weight

    wanted = (x * other) @ weight
    with torch.no_grad():
        assert torch.equal(apply_in_chunks(function, x, other, size=size, dim=dim), wanted)
    assert sum(calls) == length
    assert max(calls) <= max(size, 1)


def test_everything_at_once_while_gradients_are_recorded():
    calls = []
    x = torch.ones(5, 2, requires_grad=True)
    apply_in_chunks(lambda part: calls.append(len(part)) or part * 2, x, size=2).sum().backward()
    assert calls == [5]
    assert x.grad.eq(2).all()
