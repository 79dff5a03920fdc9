"""Search windows: properties of their placement, and round trips of crops and scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pytracking.tracker.joint.geometry import (
    TargetState,
    mean_ratio,
    plan_first_window,
    plan_window,
    shared_windows,
    vector,
)
from pytracking.tracker.joint.patch import OUTSIDE_SCORE, cut_first_window, cut_window, paste_scores

SIZE = (48, 80)
image_sizes = st.tuples(st.integers(20, 300), st.integers(20, 300))
positions = st.tuples(st.floats(-20, 320), st.floats(-20, 320))
scales = st.floats(0.05, 12)


@given(image_sizes, positions, scales, st.sampled_from(["inside", "inside_major"]))
def test_inside_windows_lie_inside_or_are_centred(image_size, position, scale, mode):
    sample = np.float32(scale) * vector(SIZE)
    window = plan_window(image_size, vector(position), sample, SIZE, mode)
    fits = []
    for axis, side in enumerate(image_size):
        used = -(-(side - window.offset[axis]) // window.step)
        first, last = window.top_left[axis], window.bottom_right[axis]
        before, after = -first, last - used
        excess = 0 if window.step == 1 else 1  # thinned out pixels are counted up
        fits.append(before <= excess and after <= excess)
        assert fits[-1] or abs(before - after) <= 1
    assert all(fits) if mode == "inside" else any(fits)


@given(image_sizes, positions, scales)
def test_a_window_is_never_thinner_than_its_output(image_size, position, scale):
    sample = np.float32(scale) * vector(SIZE)
    window = plan_window(image_size, vector(position), sample, SIZE, "replicate")
    for axis in range(2):
        extent = window.bottom_right[axis] - window.top_left[axis]
        assert extent >= 2
        assert window.step == 1 or extent >= SIZE[axis] * 0.9


@given(st.integers(30, 90), st.integers(30, 150), st.integers(1, 40), st.integers(1, 40))
def test_first_crop_is_centred_on_the_object_when_it_fits(row, column, height, width):
    image_size = (1000, 1000)
    box = (400 + column, 400 + row, width, height)
    state = TargetState.from_box(box, 5.0, SIZE)
    plan = plan_first_window(image_size, state.center, state.scale, SIZE, "inside_major")
    assert plan.shift == (0, 0)
    mask = torch.zeros(1, 1, *image_size)
    mask[..., box[1] : box[1] + height, box[0] : box[0] + width] = 1
    crop = cut_first_window(mask, plan, is_mask=True)
    assert crop.shape[-2:] == SIZE
    rows, columns = torch.nonzero(crop[0, 0], as_tuple=True)
    # Rounded centre and even windows: half an image pixel each; nearest resize: one crop pixel.
    pixel = max(1 / float(state.scale) + 1, 2.5)
    assert abs(rows.float().mean() - (SIZE[0] - 1) / 2) <= pixel
    assert abs(columns.float().mean() - (SIZE[1] - 1) / 2) <= pixel


def test_a_box_without_width_counts_as_one_pixel():
    state = TargetState.from_box((10, 20, 0, 0), 5.0, SIZE)
    assert state.size.tolist() == [1, 1]
    assert np.isfinite(state.scale)
    assert state.scale > 0


def test_scale_follows_within_limits_and_keeps_the_aspect_ratio():
    state = TargetState.from_box((10, 20, 40, 20), 5.0, SIZE)
    start = float(state.scale)
    state.follow(vector((30, 30)), vector((400, 10)), (0.95, 1.1))
    assert float(state.scale) == pytest.approx(1.1 * start, rel=1e-6)
    assert state.size[1] / state.size[0] == pytest.approx(2.0, rel=1e-6)
    state.follow(vector((30, 30)), vector((1, 1)), (0.95, 1.1))
    assert float(state.scale) == pytest.approx(0.95 * 1.1 * start, rel=1e-6)


def test_masks_are_zero_outside_and_images_replicated():
    image = torch.ones(1, 1, 20, 20)
    window = plan_window((20, 20), vector((0, 0)), vector(SIZE), SIZE, "replicate")
    mask = cut_window(image, window, SIZE, is_mask=True)
    assert (cut_window(image, window, SIZE, is_mask=False) == 1).all()
    assert mask.sum() == 20 * 20
    assert mask[0, 0, 0, 0] == 0


def test_pasted_scores_land_where_the_crop_was_taken():
    image = torch.zeros(1, 1, 100, 180)
    image[..., 40:60, 70:110] = 1
    window = plan_window((100, 180), vector((50, 90)), vector(SIZE), SIZE, "inside_major")
    crop = cut_window(image, window, SIZE, is_mask=False)
    pasted = paste_scores(crop * 10, window.coords, (100, 180))[0]
    top, left, bottom, right = window.coords
    inside = pasted > OUTSIDE_SCORE
    assert inside.sum() == (bottom - top) * (right - left)
    rows, columns = torch.nonzero(pasted > 5, as_tuple=True)
    assert (int(rows.min()), int(rows.max())) in {
        (39, 58),
        (40, 59),
    }  # upstream truncates half a pixel
    assert (int(columns.min()), int(columns.max())) in {(69, 108), (70, 109)}


def test_mean_ratio():
    assert mean_ratio(vector((8, 18)), vector((2, 2))) == pytest.approx(6)


def test_objects_share_windows_that_hardly_differ():
    def window(row: int, height: int):
        sample = vector((height, 80))
        return plan_window((400, 400), vector((row, 200)), sample, SIZE, "replicate")

    first, near, far, larger = window(100, 60), window(102, 60), window(110, 60), window(100, 70)
    assert shared_windows([first, near, far, larger], 0.05) == [first, first, far, larger]
    assert shared_windows([first, near, far, larger], 0.0) == [first, near, far, larger]
