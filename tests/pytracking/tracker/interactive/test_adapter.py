"""Online trackers as hosts, and masks from scribbles without a network."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ltr.admin.errors import ConfigError, DataError
from ltr.data.interactive.rounds import blend_weights
from pytracking.evaluation.hosts import create_host
from pytracking.tracker.interactive.blending import merge_objects
from pytracking.tracker.interactive.scribble_mask import GrabCutMask
from pytracking.tracker.interactive.scribble_networks import AnnotationMask, InteractionMask
from tests.small_hosts import (
    FRAMES,
    HOSTS,
    OBJECTS,
    clip,
    first_lines,
    small_adapter,
    small_atnet_network,
    small_interaction_network,
    stroke,
)
from tests.small_joint import small_clip


def overlap(first, second):
    return (first & second).sum() / (first | second).sum()


def test_grabcut_finds_what_the_lines_mark():
    frames, truth = small_clip(1)
    truth = np.where(truth == 5, 2, truth)
    found = GrabCutMask().segment(frames[0], first_lines(), None, OBJECTS)
    for number in (1, 2):
        assert overlap(found == number, truth == number) > 0.9


def test_a_correction_changes_what_it_touches_and_nothing_far_away():
    frames, truth = small_clip(1)
    before = np.where(truth == 5, 2, truth).astype(np.uint8)
    before[:, 100:] = 1  # wrong, far from the first line, under the second
    before[60:, :20] = 2  # wrong, but no line asks for a change
    lines = [*first_lines(), stroke(0, (105, 5), (105, 65))]
    found = GrabCutMask().segment(frames[0], lines, before, OBJECTS)
    assert (found[:, 103:108] == 0).all()
    assert (found[60:, :20] == 2).all()
    assert overlap(found[:, :100] == 1, truth[:, :100] == 1) > 0.9


def test_lines_win():
    frames, _ = small_clip(1)
    rng = np.random.default_rng(0)
    lines = [stroke(int(n), *(rng.random((3, 2)) * (110, 70))) for n in (1, 2, 0)]
    for previous in (None, rng.integers(0, 3, (70, 110)).astype(np.uint8)):
        found = GrabCutMask().segment(frames[0], lines, previous, OBJECTS)
        assert found[tuple((lines[-1].path[0, ::-1] * (69, 109)).astype(int))] == 0


def test_a_mask_hint_is_followed_exactly_on_its_frame():
    host = small_adapter()
    host.start(clip(), OBJECTS)
    host.interact(0, first_lines())
    mask = np.zeros((70, 110), np.uint8)
    mask[10:30, 40:60], mask[40:50, 5:25] = 1, 2
    result = host.mask_hint(3, mask)
    assert (result.masks[3] == mask).all()
    assert result.updated == (1, FRAMES - 1)


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        (np.zeros((70, 109), np.uint8), "like its frame"),
        (np.zeros((70, 110), np.int64), "like its frame"),
        (np.full((70, 110), 3, np.uint8), "object 3"),
    ],
)
def test_wrong_mask_hints_are_one_sentence(mask, told):
    host = small_adapter()
    host.start(clip(), OBJECTS)
    with pytest.raises(DataError, match=told):
        host.mask_hint(0, mask)


def test_an_object_that_a_frame_lacks_stays_elsewhere():
    host = create_host("baseline", "copy_mask")
    host.start(clip(), OBJECTS)
    truth = np.where(small_clip(1)[1] == 5, 2, small_clip(1)[1]).astype(np.uint8)
    host.mask_hint(0, truth)
    result = host.mask_hint(5, np.roll(truth == 1, 15, axis=1).astype(np.uint8))
    assert not (result.masks[5] == 2).any()
    for index in range(5):
        assert (result.masks[index] == 2)[truth == 2].all()
    moved = [overlap(result.masks[index] == 1, result.masks[5] == 1) for index in range(5)]
    assert moved == sorted(moved)


def test_weights_fall_to_the_annotated_frames():
    first, last, weights = blend_weights(4, [1, 8, 4], 12)
    assert (first, last) == (1, 8)
    np.testing.assert_allclose(
        weights, [0, 0, 1 / 3, 2 / 3, 1, 3 / 4, 1 / 2, 1 / 4, 0, 0, 0, 0], atol=1e-12
    )


def test_merged_objects_share_a_pixel_by_their_odds():
    alone = torch.tensor([0.8, 0.5, 0.0])[:, None, None]
    probs, labels = merge_objects(alone)
    odds = torch.tensor([0.1 / 0.9, 4.0, 1.0, 1e-7])
    torch.testing.assert_close(probs[:, 0, 0], odds / odds.sum(), rtol=1e-4, atol=1e-6)
    assert labels.tolist() == [[1]]


@pytest.mark.parametrize("name", ["atnet", "ipn"])
def test_a_hosts_network_gives_the_masks_of_that_host(name):
    host = HOSTS[name]()
    networks = {"atnet": small_atnet_network, "ipn": small_interaction_network}
    segmenter = {"atnet": AnnotationMask, "ipn": InteractionMask}[name](networks[name]())
    frames = clip()
    host.start(frames, OBJECTS)
    lines = first_lines()
    merged = merge_objects(host.interact(0, lines).probs[0, 1:])[1].numpy()
    found = segmenter.segment(frames[0], lines, None, OBJECTS)
    if name == "ipn":  # whose probabilities are merged already
        merged = host.state.masks[0]
    assert (found == merged).mean() > 0.999
    later = segmenter.segment(frames[0], [*lines, stroke(0, (5, 60), (60, 62))], found, OBJECTS)
    assert later.dtype == np.uint8
    assert set(np.unique(later).tolist()) <= {0, 1, 2}


@pytest.mark.parametrize(
    ("method", "told"), [("grabcat", "'grabcut'"), ("grabcut:I.pth", "leave out I.pth")]
)
def test_unknown_ways_to_a_mask_are_one_sentence(method, told):
    with pytest.raises(ConfigError, match=told):
        create_host("baseline", "copy_mask", to_mask=method)
