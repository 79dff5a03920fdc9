"""Warps of a frame and its object: one shear for both axes, twelve tries."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch

from ltr.data.interactive.warps import deform

_DRAWS_OF_A_TRY = 7  # four sides, scale, shear, rotation


class Chosen(random.Random):
    """Draws what a function of the range and of the number of the try, from 1, says."""

    def __init__(self, choose: Callable[[float, float, int], float]) -> None:
        super().__init__(0)
        self.choose = choose
        self.draws = 0

    def uniform(self, a: float, b: float) -> float:
        self.draws += 1
        return self.choose(a, b, 1 + (self.draws - 1) // _DRAWS_OF_A_TRY)


def slope(picture: torch.Tensor, axis: int) -> float:
    """How far the bright pixels move along the other axis from one step to the next."""
    places = (picture > 0.5).nonzero().numpy()
    return float(np.polyfit(places[:, axis], places[:, 1 - axis], 1)[0])


def test_one_shear_tilts_rows_and_columns():
    """Of the draws only the shear, 15 degrees, differs from what changes nothing."""
    rng = Chosen(lambda a, b, _: 15.0 if b == 15 else 0.0 if a == 0 else (a + b) / 2)
    label, column, row = torch.zeros(3, 1, 101, 101)
    label[:, 40:60, 40:60] = 1
    column[..., 49:52] = 1
    row[:, 49:52] = 1
    moved, column, row = deform(label, [column, row], rng)
    assert rng.draws == _DRAWS_OF_A_TRY
    assert not torch.equal(moved, label)
    tilt = math.tan(math.radians(15))
    # A column runs along (-t, 1 + t * t), a row along (1, -t): t is the tangent of one angle.
    assert slope(column[0], axis=0) == pytest.approx(-tilt / (1 + tilt**2), abs=0.01)
    assert slope(row[0], axis=1) == pytest.approx(-tilt, abs=0.01)


@pytest.mark.parametrize(("first_good", "tries", "is_moved"), [(1, 1, 1), (12, 12, 1), (13, 12, 0)])
def test_twelve_tries_keep_the_object_in_sight(first_good, tries, is_moved):
    """A cut of a tenth loses the object in the corner; a scale of 1.1 alone keeps it."""

    def choose(a: float, b: float, number: int) -> float:
        if a == 0:
            return 0.0 if number >= first_good else b
        return b if a > 0 else 0.0

    rng, label = Chosen(choose), torch.zeros(1, 40, 40)
    label[:, :4, :4] = 1
    moved, picture = deform(label, [label.clone()], rng)
    assert rng.draws == tries * _DRAWS_OF_A_TRY
    assert torch.equal(moved, label) == (not is_moved)
    assert torch.equal(picture, label) == (not is_moved)
    assert moved.unique().tolist() == [0, 1]
