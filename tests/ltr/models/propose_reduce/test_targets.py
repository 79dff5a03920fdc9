import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ltr.models.propose_reduce.boxes import BOX_STDS, RPN_STDS, decode, half_open
from ltr.models.propose_reduce.targets import (
    BACKGROUND,
    IGNORED,
    Instances,
    Sampling,
    anchor_targets,
    box_targets,
    mask_targets,
    match_boxes,
)

EVERYTHING = Sampling(rpn_batch_size=10**6, box_batch_size=10**6)
TRUTHS = torch.tensor([[10.0, 10, 30, 30], [40, 20, 60, 50]])


def test_boxes_are_assigned_by_their_overlap():
    boxes = torch.tensor(
        [
            [10.0, 10, 30, 30],  # the first object itself
            [10, 10, 30, 20],  # half of it
            [10, 10, 30, 14],  # a fifth of it
            [0, 60, 9, 69],
            [40, 22, 60, 48],  # 26 of 30 rows of the second
        ]
    )
    got = match_boxes(boxes, TRUTHS, pos_iou=0.7, neg_iou=0.3, min_pos_iou=0.3)
    assert got.tolist() == [0, IGNORED, BACKGROUND, BACKGROUND, 1]


def test_the_best_boxes_stand_for_an_object_even_below_the_threshold():
    boxes = torch.tensor([[10.0, 10, 30, 20], [10, 20, 30, 30], [10, 10, 30, 18]])
    assert match_boxes(boxes, TRUTHS, 0.7, 0.3, min_pos_iou=0.3).tolist() == [0, 0, IGNORED]
    assert match_boxes(boxes, TRUTHS, 0.7, 0.3, min_pos_iou=0.6).tolist() == [IGNORED] * 3


def test_without_objects_everything_is_background():
    assert match_boxes(TRUTHS, TRUTHS[:0], 0.7, 0.3, 0.3).tolist() == [BACKGROUND] * 2
    found = anchor_targets(TRUTHS, TRUTHS[:0], (64, 64), Sampling())
    assert found.is_object.tolist() == [0, 0]


def test_anchors_that_leave_the_image_are_not_learned_from():
    anchors = torch.tensor([[-1.0, 0, 20, 20], [10, 10, 30, 30], [44, 24, 65, 50], [0, 0, 64, 50]])
    found = anchor_targets(anchors, TRUTHS, (50, 64), EVERYTHING)
    assert sorted(found.chosen.tolist()) == [1, 3]


def test_deltas_lead_from_the_boxes_to_the_objects():
    anchors = TRUTHS + torch.tensor([2.0, -1, 1, 3])
    found = anchor_targets(anchors, TRUTHS, (64, 64), EVERYTHING)
    moved = decode(found.deltas, anchors[found.chosen], RPN_STDS)
    torch.testing.assert_close(moved, TRUTHS, atol=1e-4, rtol=0)
    objects = Instances(torch.tensor([3, 5]), TRUTHS, torch.zeros(2, 64, 64, dtype=torch.uint8))
    chosen = box_targets(anchors, objects, EVERYTHING)
    positives = chosen.boxes[: len(chosen.matched)]
    moved = decode(chosen.deltas, positives, BOX_STDS)
    torch.testing.assert_close(moved, TRUTHS[chosen.matched], atol=1e-4, rtol=0)
    assert chosen.labels.tolist() == [3, 5, 3, 5]


def test_true_boxes_are_drawn_like_other_positives():
    """40 objects and 40 proposals near them share 16 places; true boxes come first."""
    truths = torch.arange(40.0)[:, None] * 20 + torch.tensor([0.0, 0, 10, 10])
    objects = Instances(
        torch.ones(40, dtype=torch.int64), truths, torch.zeros(40, 8, 8, dtype=torch.uint8)
    )
    near, far = truths + 1, truths + 2000
    torch.manual_seed(0)
    chosen = box_targets(
        torch.cat([near, far]), objects, Sampling(box_batch_size=64, box_positive_fraction=0.25)
    )
    assert int((chosen.labels > 0).sum()) == len(chosen.matched) == 16
    assert len(chosen.labels) == 16 + 40
    is_true = (chosen.boxes[:16, 0] % 20 == 0).long()
    assert 2 < int(is_true.sum()) < 14
    assert (is_true.diff() <= 0).all()


def test_samples_are_limited_and_drawn_at_random():
    steps = torch.arange(40.0)[:, None]
    anchors = torch.cat([TRUTHS[:1] + 0.01 * steps, TRUTHS[:1] + torch.tensor([30.0, 30, 30, 30])])
    anchors = torch.cat([anchors, 100 + 20 * steps + torch.tensor([0.0, 0, 10, 10])])
    draws = []
    for seed in range(3):
        torch.manual_seed(seed)
        found = anchor_targets(anchors, TRUTHS, (1000, 1000), Sampling(rpn_batch_size=20))
        assert int(found.is_object.sum()) == 10
        assert len(found.chosen) == 20
        assert len(set(found.chosen.tolist())) == 20
        draws.append(tuple(found.chosen.tolist()))
    assert len(set(draws)) == 3


def test_one_ignored_kind_of_box_is_never_learned_from():
    boxes = torch.tensor([[10.0, 10, 30, 20], [10, 10, 30, 30]])  # the first overlaps by half
    found = anchor_targets(boxes, TRUTHS, (64, 64), EVERYTHING)
    assert found.chosen.tolist() == [1]


@given(seed=st.integers(0, 10**6))
def test_mask_targets_are_those_of_the_image_library(seed):
    rng = np.random.default_rng(seed)
    mask = cv2.resize(rng.integers(0, 256, (5, 7)).astype(np.uint8), (50, 40)) > 127
    x1, y1 = rng.integers(0, [49, 39])
    x2, y2 = rng.integers([x1, y1], [50, 40])
    boxes = half_open(torch.tensor([[x1, y1, x2, y2]]) + 0.4)
    masks = torch.from_numpy(mask.astype(np.uint8))[None]
    part = np.ascontiguousarray(mask[y1 : y2 + 1, x1 : x2 + 1].astype(np.uint8))
    assert np.array_equal(mask_targets(boxes, masks, 28)[0], cv2.resize(part, (28, 28)))


@pytest.mark.parametrize("count", [0, 3])
def test_every_mask_has_its_box(count):
    masks = torch.zeros(count, 20, 20, dtype=torch.uint8)
    boxes = torch.tensor([[4.0, 4, 12, 12]]).repeat(count, 1)
    for place in range(count):
        masks[place, 4 : 6 + 2 * place, 4:12] = 1
    heights = mask_targets(boxes, masks, 8).sum(dim=(1, 2)) / 8
    assert heights.tolist() == [2.0, 4.0, 6.0][:count]
