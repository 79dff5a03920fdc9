"""What hosts keep from round to round."""

import torch

from pytracking.tracker.interactive.computing import FrameCache, SumCache


def test_a_sum_computes_new_terms_only_and_has_the_same_bits():
    drawn, computed = torch.randn(3, 5, generator=torch.Generator().manual_seed(0)), []

    def term(number):
        def compute():
            computed.append(number)
            return drawn[number].clone()

        return compute

    terms = [term(number) for number in range(3)]
    cache, none = SumCache(1000), SumCache(0)
    for count in (1, 2, 3):
        expected = none.mean("a", terms[:count])
        assert torch.equal(expected, (sum(drawn[1:count], drawn[0])) / count)
        computed.clear()
        assert torch.equal(cache.mean("a", terms[:count]), expected)
        assert computed == [count - 1]


def test_a_full_cache_keeps_what_it_has():
    row = torch.ones(5)
    cache = SumCache(row.nbytes)
    for key in ("a", "b", "a", "b"):
        cache.mean(key, [lambda: row])
    calls = []
    assert cache.mean("a", [lambda: calls.append(0) or row]).equal(row)
    assert not calls
    assert cache.mean("b", [lambda: calls.append(0) or row]).equal(row)
    assert calls


@torch.inference_mode()
def test_frames_are_computed_ahead_where_they_have_room():
    row, computed = torch.ones(5), []

    def compute(frame):
        computed.append(frame)
        return (row * frame,)

    cache = FrameCache(4 * row.nbytes)
    cache.get_ahead(range(4), compute)
    assert not computed  # nothing tells how much a frame takes
    cache.get(0, compute)
    cache.get_ahead(range(5), compute)
    assert computed == [0]  # five have no room
    cache.get_ahead(range(4), compute)
    assert sorted(computed) == [0, 1, 2, 3]
    assert [float(cache.get(frame, compute)[0][0]) for frame in range(4)] == [0, 1, 2, 3]
    assert len(computed) == 4
