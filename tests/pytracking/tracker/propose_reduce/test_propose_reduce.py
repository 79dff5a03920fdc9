"""The segmenter on a small network, against the published form, and its use of memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ltr.admin.errors import ConfigError
from ltr.data.rle import decode
from pytracking.tracker.base import Runtime
from pytracking.tracker.propose_reduce.key_frames import key_positions, without_overlap
from pytracking.tracker.propose_reduce.loading import prepare_network
from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters
from pytracking.tracker.propose_reduce.propagation import _parts
from pytracking.tracker.propose_reduce.propose_reduce import ProposeReduce
from pytracking.tracker.propose_reduce.sequences import SequenceStore
from pytracking.tracker.whole_video import TextPrompt
from pytracking.utils.mask_overlaps import video_overlaps
from tests.small_segmenter import small_clip, small_segmenter, vivid_network

_BENCHMARKS = Path(__file__).resolve().parents[4] / "benchmarks"


def _collect(segmenter: ProposeReduce, clip: np.ndarray) -> tuple[SequenceStore, int]:
    with torch.inference_mode():
        cache = segmenter.open_cache(clip)
        keys = segmenter.find_key_frames(cache, len(clip), clip.shape[1:3])
        return segmenter.collect(cache, keys, len(clip)), cache.computed


def _pixels(store: SequenceStore, shape: tuple[int, int] = (64, 96)) -> np.ndarray:
    empty = np.zeros(shape, np.uint8)
    return np.array([[empty if m is None else decode(m) for m in own] for own in store.masks])


@pytest.mark.parametrize("memory", [{}, {"mem_num": 2}, {"mem_step": 3}])
def test_it_agrees_with_the_published_form(memory, monkeypatch):
    monkeypatch.syspath_prepend(str(_BENCHMARKS))
    from plain_propose_reduce import PlainProposals

    clip = small_clip(6)
    segmenter = small_segmenter(**memory)
    plain = PlainProposals(segmenter.params, vivid_network()).propose(clip)
    store, _ = _collect(segmenter, clip)
    wanted = np.array([[decode(mask) for mask in own] for own in plain.masks])
    found = _pixels(store)
    assert wanted.any(axis=(1, 2, 3)).all()
    assert (found == wanted).mean() > 0.9995
    np.testing.assert_allclose(store.scores(), plain.scores, atol=5e-3)
    overlaps = video_overlaps(store.masks, store.masks)
    np.testing.assert_allclose(overlaps, plain.overlaps, atol=5e-3)


@pytest.mark.parametrize("key_num", [2, 4])
def test_every_frame_passes_the_backbone_once_whatever_the_number_of_key_frames(key_num):
    _, computed = _collect(small_segmenter(key_num=key_num), small_clip(8))
    assert computed == 8


def test_little_room_and_small_batches_change_nothing():
    clip = small_clip(7)
    wanted, computed = _collect(small_segmenter(), clip)
    assert computed == 7
    for changes in (
        {"max_cached_frames": 2},
        {"max_objects_per_batch": 1},
        {"max_objects_per_batch": 4},
    ):
        found, computed = _collect(small_segmenter(**changes), clip)
        assert computed <= 2 * len(clip)
        assert (_pixels(found) == _pixels(wanted)).mean() > 0.9995
        np.testing.assert_allclose(found.scores(), wanted.scores(), atol=1e-3)


@pytest.fixture
def threads():
    number = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(number)


def test_objects_and_frames_on_two_threads_change_nothing(threads):
    clip, found = small_clip(5), []
    for number in (1, 2):
        threads(number)
        found.append(_collect(small_segmenter(), clip))
    (wanted, computed), (store, computed_by_two) = found
    assert computed == computed_by_two == len(clip)
    assert (_pixels(store) == _pixels(wanted)).mean() > 0.9995
    np.testing.assert_allclose(store.scores(), wanted.scores(), atol=1e-3)


def test_frames_that_are_needed_next_are_computed_beside_others_as_long_as_there_is_room(threads):
    threads(2)
    clip = small_clip(6)
    for room, wanted in ((6, 2), (2, 2), (1, 1)):
        with torch.inference_mode():
            cache = small_segmenter(max_cached_frames=room).open_cache(clip)
            assert list(cache.get([3])) == [3]
            assert cache.computed == len(cache) == wanted


def test_objects_are_divided_evenly_among_threads():
    parts = _parts([2, 3, 4], 8, 2)
    assert parts == [
        [(0, slice(0, 2)), (1, slice(0, 3))],
        [(2, slice(0, 4))],
    ]
    assert [sum(rows.stop - rows.start for _, rows in part) for part in _parts([9], 2, 2)] == [
        *(2, 1, 2, 1, 2, 1)
    ]


def test_features_and_memory_have_bounds(monkeypatch):
    clip, entries, kept = small_clip(20), [], []
    segmenter = small_segmenter(mem_num=3, max_cached_frames=4, max_per_img=1, key_num=2)
    read = segmenter.network.prop_head.read
    monkeypatch.setattr(
        segmenter.network.prop_head,
        "read",
        lambda memory, key: entries.append(memory.keys.shape[2]) or read(memory, key),
    )
    with torch.inference_mode():
        cache = segmenter.open_cache(clip)
        keys = segmenter.find_key_frames(cache, len(clip), clip.shape[1:3])
        for _ in segmenter.propagate(cache, keys, len(clip)):
            kept.append(len(cache))
    assert max(entries) == 1 + 18 // 6
    assert max(kept) <= 4


def test_the_mask_memory_stays_below_its_limit(caplog):
    clip = small_clip(20, (96, 160))
    segmenter = small_segmenter(img_scale=(160, 96), max_memory=1, key_num=2, max_per_img=3)
    with torch.inference_mode():
        cache = segmenter.open_cache(clip)
        keys = segmenter.find_key_frames(cache, len(clip), clip.shape[1:3])
        list(segmenter.propagate(cache, keys, len(clip)))
    assert not caplog.records
    entry = sum(len(key.masks) for key in keys) * (4 + 16) * 6 * 10 * 4
    assert 19 * entry < 1 << 20
    clip = np.repeat(clip, 6, axis=0)
    with torch.inference_mode():
        cache = segmenter.open_cache(clip)
        keys = segmenter.find_key_frames(cache, len(clip), clip.shape[1:3])
        segmenter.propagate(cache, keys, len(clip))
    assert (119 * entry) // 4 < 1 << 20 < (119 * entry) // 3
    told = "mem_step was 4 instead of 1, to stay below max_memory = 1 MiB"
    assert segmenter.deviation == caplog.messages[-1] == told


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize("key_num", [1, 5])
def test_short_clips(length, key_num):
    counted = []
    tracks = small_segmenter(key_num=key_num).segment(
        small_clip(length), TextPrompt(), counted.append
    )
    assert tracks
    assert sum(counted) == length
    assert all(len(track.masks) == length for track in tracks)
    assert all(m is None or m["size"] == [48, 80] for track in tracks for m in track.masks)


def test_nothing_found_is_an_empty_list():
    counted = []
    clip = small_clip(3)
    assert (
        small_segmenter(detection_threshold=1.0).segment(clip, TextPrompt(), counted.append) == []
    )
    assert sum(counted) == 3


def test_tracks_have_names_and_scores_above_the_threshold():
    segmenter = small_segmenter(reduction="category_aware")
    tracks = segmenter.segment(small_clip(4), TextPrompt())
    assert segmenter.category_names[8] == "dog"
    assert tracks
    for track in tracks:
        assert (
            track.category_scores[track.category]
            == track.score
            == max(track.category_scores.values())
        )
        assert min(track.category_scores.values()) >= 0.001


def test_bfloat16_stays_close():
    clip = small_clip(3)
    params, runtime = small_segmenter().params, Runtime(precision="bf16")
    network = prepare_network(vivid_network(), runtime)
    tracks = ProposeReduce(params, network, runtime).segment(clip, TextPrompt())
    assert tracks
    with pytest.raises(ConfigError, match="fp16 needs a GPU"):
        ProposeReduce(params, network, Runtime(precision="fp16"))


@given(st.integers(1, 400), st.integers(1, 12))
def test_key_frames_are_spread_over_the_clip(length, key_num):
    positions = key_positions(length, key_num)
    assert positions == sorted(set(positions))
    assert 1 <= len(positions) <= min(length, key_num)
    if key_num > 1:
        assert positions[0] == 0
        assert positions[-1] >= length - 2  # rounding may take the last but one, as upstream


def test_masks_that_overlap_with_an_earlier_one_are_dropped():
    masks = torch.zeros(4, 4, 10)
    masks[0, :, :6] = 1
    masks[1, :, 5:] = 1  # 1 of 10 columns in common
    masks[2, :, 3:7] = 1  # 3 of 7
    kept = without_overlap(masks)
    assert torch.equal(kept, masks[[0, 1, 3]])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mem_num": 3, "mem_step": 2}, "exclude each other"),
        ({"categories": "ytvis2020"}, "did you mean 'ytvis20"),
        ({"key_num": 0}, "key_num must be >= 1"),
        ({"sigma": 0.0}, "sigma"),
    ],
)
def test_wrong_parameters_are_told(changes, words):
    with pytest.raises(ConfigError, match=words):
        ProposeReduceParameters(**{"net": "", **changes})


def test_memory_rules():
    assert ProposeReduceParameters("").memory_step(36) == 1
    assert ProposeReduceParameters("", mem_step=5).memory_step(36) == 5
    assert ProposeReduceParameters("", mem_num=10).memory_step(36) == 3
    assert ProposeReduceParameters("", mem_num=10).memory_step(7) == 1
