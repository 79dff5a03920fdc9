"""The two views: geometry against an independent look-up, and their random numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ltr.admin.errors import ConfigError
from ltr.data.randomness import Generators
from ltr.data.two_views import TwoViews, ViewRoll
from ltr.models.loss.self_training import align

SIZE = (64, 64)


def ramp(height: int = 64, width: int = 64) -> np.ndarray:
    """A picture whose colours tell the position."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 2, columns * 2, rows + columns], axis=2).astype(np.uint8)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([(48, 90), (90, 48), (64, 64)]))
def test_the_matrix_brings_the_main_view_into_the_frame_of_the_other(seed, size):
    maker = TwoViews(SIZE, (64, 80))
    roll = maker.roll(size, Generators.seeded(seed))
    views = maker.apply([ramp(*size)], roll)
    main, reg = (torch.from_numpy(v).permute(0, 3, 1, 2).float() for v in (views.main, views.reg))
    aligned = align(main, torch.from_numpy(views.theta)[None])
    inner = (slice(None), slice(None), slice(6, -6), slice(6, -6))
    assert (aligned[inner] - reg[inner]).abs().mean() < 3


def test_rolls_stay_inside_and_depend_on_the_seed_only():
    maker = TwoViews(SIZE, (70, 90), zoom_range=(0.5, 0.9))
    rolls = [maker.roll((60, 100), Generators.seeded(seed)) for seed in range(50)]
    assert rolls == [maker.roll((60, 100), Generators.seeded(seed)) for seed in range(50)]
    for roll in rolls:
        assert 70 <= roll.shorter_side < 90
        assert 0.5 <= roll.zoom <= 0.9
        assert roll.zoom_corner[0] + int(roll.zoom * 64) <= 64
        assert roll.crop[0] + 64 <= roll.shorter_side
    assert {roll.flips for roll in rolls} == {roll.flips_reg for roll in rolls} == {True, False}


def test_switches_turn_steps_off():
    maker = TwoViews(SIZE, (64, 64), False, False, False, (1.0, 1.0))
    roll = maker.roll((64, 64), Generators.seeded(3))
    assert roll == ViewRoll(64, (0, 0), False, False, 1.0, (0, 0))
    views = maker.apply([ramp()], roll)
    assert np.array_equal(views.main[0], ramp())
    assert np.array_equal(views.reg[0], ramp())
    assert views.theta.tolist() == [[1, 0, 0], [0, 1, 0]]


def test_small_frames_are_padded_with_the_mean_colour():
    maker = TwoViews(SIZE, (32, 32), flips=False, flips_reg=False)
    views = maker.apply(
        [np.zeros((32, 32, 3), np.uint8)], maker.roll((32, 32), Generators.seeded(0))
    )
    assert views.main[0, 0, 0].tolist() == [124, 116, 104]
    assert not views.main[0, 16:48, 16:48].any()


@pytest.mark.parametrize("changes", [{"zoom_range": (0.5, 1.5)}, {"shorter_side_range": (9, 8)}])
def test_impossible_ranges_are_refused(changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        TwoViews(**changes)
