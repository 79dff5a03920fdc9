"""Anchors, deltas and clipping, against the formulas for inclusive boxes."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from ltr.models.propose_reduce.boxes import (
    BOX_STDS,
    base_anchors,
    clip,
    decode,
    encode,
    grid_anchors,
    half_open,
    inclusive,
)

_SIDES = st.floats(4, 200)
_CORNERS = st.floats(-50, 300)
_BOXES = st.tuples(_CORNERS, _CORNERS, _SIDES, _SIDES).map(
    lambda box: torch.tensor([box[0], box[1], box[0] + box[2], box[1] + box[3]])
)


@given(_BOXES, _BOXES)
def test_encoding_is_undone(box, target):
    deltas = encode(target, box, BOX_STDS)
    torch.testing.assert_close(decode(deltas, box, BOX_STDS), target, rtol=1e-4, atol=2e-2)


def test_decoding_agrees_with_the_formulas_for_inclusive_boxes():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 90, (50, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0, 60, (50, 2))], axis=1)
    deltas = rng.normal(0, 1, (50, 4)) * [1, 1, 5, 5]
    scaled = deltas * BOX_STDS
    sizes = boxes[:, 2:] - boxes[:, :2] + 1
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 + sizes * scaled[:, :2]
    limit = abs(np.log(16 / 1000))
    sizes = sizes * np.exp(np.clip(scaled[:, 2:], -limit, limit))
    wanted = np.concatenate([centres - sizes / 2 + 0.5, centres + sizes / 2 - 0.5], axis=1)
    found = decode(torch.from_numpy(deltas), half_open(torch.from_numpy(boxes)), BOX_STDS)
    np.testing.assert_allclose(inclusive(found), wanted, atol=1e-9)


def test_the_square_anchor_of_the_finest_level():
    assert inclusive(base_anchors(4))[1].tolist() == [-14, -14, 17, 17]


def test_anchors_go_by_row_column_and_ratio():
    anchors = grid_anchors((2, 3), 8)
    assert anchors.shape == (18, 4)
    base = base_anchors(8)
    torch.testing.assert_close(anchors[3 * (1 * 3 + 2) + 1], base[1] + torch.tensor([16, 8, 16, 8]))


@given(_BOXES)
def test_clipped_boxes_keep_a_pixel_inside(box):
    x1, y1, x2, y2 = clip(box, (40, 60)).tolist()
    assert 0 <= x1 <= 59
    assert 0 <= y1 <= 39
    assert 1 <= x2 <= 60
    assert 1 <= y2 <= 40
