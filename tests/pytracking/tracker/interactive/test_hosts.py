"""What every interactive host must keep to, whatever it computes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from ltr.admin.errors import ConfigError, DataError
from pytracking.tracker.base import Runtime
from pytracking.tracker.interactive.ipn import IpnHost
from pytracking.tracker.interactive.parameters import (
    AtnetParameters,
    IpnParameters,
    ManetParameters,
)
from tests.small_hosts import (
    FRAMES,
    HOSTS,
    OBJECTS,
    clip,
    first_lines,
    small_atnet,
    small_ipn,
    small_manet,
    stroke,
)

ROUNDS = (
    (0, first_lines()),
    (4, [stroke(1, (25, 20), (35, 30)), stroke(0, (60, 10), (60, 60))]),
    (2, [stroke(2, (75, 45), (88, 50))]),
    (2, [stroke(0, (5, 5), (100, 5))]),
)


def play(host, rounds=ROUNDS, video_id=None):
    host.start(clip(), OBJECTS, video_id)
    results = []
    for frame, lines in rounds:
        found = host.interact(frame, lines)
        results.append((found.masks.copy(), found.probs.clone(), found.updated))
    return results


@pytest.fixture(params=sorted(HOSTS), scope="module")
def played(request):
    host = HOSTS[request.param]()
    return host, play(host)


def test_results_have_the_promised_form(played):
    for masks, probs, (first, last) in played[1]:
        assert masks.dtype == np.uint8
        assert masks.shape == (FRAMES, 70, 110)
        assert probs.dtype == torch.float32
        assert probs.shape == (FRAMES, 1 + OBJECTS, 70, 110)
        assert 0 <= first <= last < FRAMES
        assert probs.min() >= 0
        assert probs.max() <= 1 + 1e-6


def test_the_tests_see_objects_and_background(played):
    masks = np.stack([found[0] for found in played[1]])
    assert set(np.unique(masks).tolist()) == {0, 1, 2}


def test_a_masks_object_is_the_most_probable_one(played):
    for masks, probs, _ in played[1]:
        best = probs[:, 1:].argmax(dim=1).numpy() + 1
        assert (masks[masks > 0] == best[masks > 0]).all()


def test_frames_outside_the_updated_range_stay(played):
    results = played[1]
    has_kept_frames = False
    for (old, *_), (new, _, (first, last)) in pairwise(results):
        kept = [index for index in range(FRAMES) if not first <= index <= last]
        has_kept_frames |= bool(kept)
        assert (old[kept] == new[kept]).all()
    assert has_kept_frames or played[0].name == "manet"


def test_the_same_calls_give_the_same_bits(played):
    host, results = played
    for (masks, probs, _), (again, probs_again, _) in zip(results, play(host), strict=True):
        assert (masks == again).all()
        assert torch.equal(probs, probs_again)


def test_a_round_without_scribbles(played):
    host = played[0]
    host.start(clip(), OBJECTS)
    with pytest.raises(DataError, match="first round"):
        host.interact(0, [])
    before = host.interact(0, first_lines())
    masks, probs = before.masks.copy(), before.probs.clone()
    after = host.interact(3, [])
    if not host.runs_without_scribbles:
        assert after.updated == (3, 3)
        assert (after.masks == masks).all()
        assert torch.equal(after.probs, probs)


@pytest.mark.parametrize(
    ("frame", "object_id", "told"),
    [(FRAMES, 1, "no frame 6"), (-1, 1, "no frame -1"), (0, 3, "object 3")],
)
def test_wrong_rounds_are_one_sentence(played, frame, object_id, told):
    host = played[0]
    host.start(clip(), OBJECTS)
    with pytest.raises(DataError, match=told):
        host.interact(frame, [stroke(object_id, (10, 10))])


def test_wrong_videos_are_one_sentence(played):
    host = played[0]
    with pytest.raises(DataError, match="at least one frame"):
        host.start([], 1)
    for count in (0, 255):
        with pytest.raises(DataError, match="number of objects"):
            host.start(clip(), count)


def test_a_video_of_one_frame(played):
    host = played[0]
    host.start(clip()[:1], OBJECTS)
    for _ in range(2):
        result = host.interact(0, first_lines())
    assert result.masks.shape == (1, 70, 110)
    assert result.updated == (0, 0)


@pytest.mark.parametrize(
    ("small", "changes"),
    [
        (small_atnet, {"max_objects_per_batch": 1}),
        (small_ipn, {"max_objects_per_batch": 1}),
        (small_atnet, {"feature_memory_mib": 0}),
        (small_atnet, {"transfer_memory_mib": 0}),
        (small_manet, {"feature_memory_mib": 0}),
        (small_manet, {"max_distances_mib": 1}),
    ],
)
def test_memory_limits_change_no_result(small, changes):
    host, other = small(**changes), small()
    for item in (host, other):
        item.start(clip(), OBJECTS)
    for frame, lines in ROUNDS[:3]:
        found, want = host.interact(frame, lines), other.interact(frame, lines)
        torch.testing.assert_close(found.probs, want.probs, rtol=0, atol=2e-4)
        assert (found.masks == want.masks).mean() > 0.999
        for name in {"masks", "labels"} & set(vars(host.state)):  # pixels at a threshold feed back
            getattr(host.state, name)[:] = getattr(other.state, name)


@pytest.mark.parametrize("small", [small_atnet, small_manet])
def test_features_are_kept_for_the_same_video_only(small):
    host = small()
    wanted = play(host, ROUNDS[:1])[0][0]
    play(host, ROUNDS[:1], video_id="a")
    black = [np.zeros_like(frame) for frame in clip()]
    host.start(black, OBJECTS, video_id="b")
    assert (host.interact(0, first_lines()).masks != wanted).any()
    assert (play(host, ROUNDS[:1], video_id="a")[0][0] == wanted).all()
    host.start(black, OBJECTS)
    assert (host.interact(0, first_lines()).masks != wanted).any()


def test_finish_drops_the_video(played):
    host = played[0]
    host.start(clip(), OBJECTS)
    host.finish()
    with pytest.raises(RuntimeError, match="no video has begun"):
        _ = host.state
    with pytest.raises(DataError, match="no frame 0"):
        host.interact(0, first_lines())


def test_bfloat16_stays_near_the_exact_masks():
    exact = play(small_ipn(), ROUNDS[:1])[0][0]
    host = small_ipn("bf16")
    assert (play(host, ROUNDS[:1])[0][0] == exact).mean() > 0.85


def test_float16_on_a_cpu_is_refused():
    host = small_ipn()
    with pytest.raises(ConfigError, match="fp16 needs a GPU"):
        IpnHost(IpnParameters(), (host._segment, host._propagate), Runtime(precision="fp16"))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (AtnetParameters, {"threshold": 1.5}),
        (AtnetParameters, {"proportion": 0.0}),
        (AtnetParameters, {"max_objects_per_batch": 0}),
        (ManetParameters, {"input_size": (8, 854)}),
        (ManetParameters, {"max_distances_mib": 0}),
        (IpnParameters, {"max_objects_per_batch": -1}),
    ],
)
def test_impossible_parameters_are_refused(kind, values):
    with pytest.raises(ConfigError, match=next(iter(values))):
        kind(**values)


def test_an_empty_round_counts_for_manets_local_maps():
    """As in IVOS-W the round after it has no local maps of an earlier round to compare with."""

    def play_last(**changes):
        host = small_manet(**changes)
        host.start(clip(), OBJECTS)
        host.interact(*ROUNDS[0])
        host.interact(1, [])
        kept = host.state.local
        return kept, host.interact(*ROUNDS[1]).probs

    counted, probs = play_last()
    kept, others = play_last(count_empty_rounds=False)
    assert counted is None
    assert kept.frame == ROUNDS[0][0]
    assert not torch.equal(probs, others)
