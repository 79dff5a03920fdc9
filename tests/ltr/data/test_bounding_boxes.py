from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ltr.data.bounding_boxes import BoxJitter, box_of_mask

SIDES = st.integers(0, 12)


@given(x=SIDES, y=SIDES, width=st.integers(1, 8), height=st.integers(1, 8))
def test_box_of_a_rectangle(x: int, y: int, width: int, height: int) -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[y : y + height, x : x + width] = 3
    assert box_of_mask(mask).tolist() == [x, y, width, height]
    corners = [x, y, x + width - 1, y + height - 1]
    assert box_of_mask(mask, "corners").tolist() == corners
    centre = [x + 0.5 * width, y + 0.5 * height, width, height]
    assert box_of_mask(mask, "centre").tolist() == centre


def test_empty_mask_is_one_pixel_at_the_origin() -> None:
    assert box_of_mask(np.zeros((4, 5))).tolist() == [0, 0, 1, 1]


def test_no_jitter_keeps_the_box() -> None:
    box = np.float32([3, 4, 10, 20])
    assert np.allclose(BoxJitter(0.0, 0.0)(box, torch.Generator().manual_seed(0)), box)


def test_jitter_has_the_stated_spread() -> None:
    generator, box = torch.Generator().manual_seed(0), np.float32([100, 50, 40, 10])
    jitter = BoxJitter(scale=0.25, centre=(2.0, 1.0))
    moved = np.stack([jitter(box, generator) for _ in range(4000)])
    scales = np.log(moved[:, 2:] / box[2:])
    offsets = moved[:, :2] + 0.5 * moved[:, 2:] - (box[:2] + 0.5 * box[2:])
    offsets /= np.sqrt(moved[:, 2:].prod(1, keepdims=True))
    assert scales.std(0) == pytest.approx([0.25, 0.25], rel=0.05)
    assert np.abs(offsets).max(0) == pytest.approx([1.0, 0.5], rel=0.01)
    assert offsets.mean(0) == pytest.approx([0.0, 0.0], abs=0.03)


def test_uniform_jitter_is_bounded() -> None:
    generator, box = torch.Generator().manual_seed(0), np.float32([0, 0, 8, 8])
    jitter = BoxJitter(scale=0.5, centre=0.0, mode="uniform")
    scales = np.log([jitter(box, generator)[2:] / 8 for _ in range(2000)])
    assert np.abs(scales).max() == pytest.approx(0.5, rel=0.01)
    assert scales.std() == pytest.approx(0.5 / np.sqrt(3), rel=0.05)
