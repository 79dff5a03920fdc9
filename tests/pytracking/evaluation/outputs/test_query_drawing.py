"""What ReferFormer's --visualize draws."""

from __future__ import annotations

import numpy as np
import pytest

from pytracking.evaluation.outputs.query_drawing import draw_query, query_colours

GREY = np.full((60, 80, 3), 101, np.uint8)
NOTHING = np.zeros((60, 80), bool)
COLOUR = np.array([188, 113, 0], np.uint8)


def test_the_colours_are_those_of_detectron_with_red_and_blue_exchanged():
    colours = query_colours()
    assert colours.shape == (79, 3)
    assert colours[[6, 14, 15, 23, 24, 38, 39, 52, 53, 70]].tolist() == [
        [46, 19, 161], [255, 0, 170], [0, 84, 84], [0, 255, 255], [127, 84, 0], [127, 255, 255],
        [255, 84, 0], [255, 170, 255], [0, 0, 42], [255, 0, 0],
    ]  # fmt: skip
    assert (colours[71] == 0).all()
    assert (colours[78] == 255).all()


def test_half_of_the_colour_lies_on_the_mask():
    mask = NOTHING.copy()
    mask[10:20, 30:50] = True
    found = draw_query(GREY, mask, None, None, COLOUR)
    assert (found[~mask] == 101).all()
    assert (found[mask] == [144, 107, 50]).all()  # 144.5, 107.0, 50.5


def test_a_box_has_an_outline_of_two_pixels():
    found = draw_query(GREY, NOTHING, (0.5, 0.5, 0.5, 0.5), None, COLOUR)
    drawn = (found == COLOUR).all(axis=2)
    rows, columns = np.nonzero(drawn)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (15, 45, 20, 60)
    assert drawn.sum() == 41 * 31 - 37 * 27
    assert not drawn[17:44, 22:59].any()


@pytest.mark.parametrize("point", [(0.5, 0.5), (0.0, 1.0)])
def test_a_cross_reaches_ten_pixels_to_all_sides(point):
    found = draw_query(GREY, NOTHING, None, point, COLOUR)
    drawn = (found == COLOUR).all(axis=2)
    x, y = round(80 * point[0]), round(60 * point[1])
    row, column = drawn[min(y, 59)], drawn[:, min(x, 79)]
    assert np.flatnonzero(row).tolist() == list(range(max(x - 10, 0), x + 11))
    assert np.flatnonzero(column).tolist() == list(range(y - 10, min(y + 11, 60)))
    assert drawn[y - 6].sum() == (4 if x else 3)  # half of it lies outside


def test_the_image_is_left_alone():
    image = GREY.copy()
    draw_query(image, ~NOTHING, (0.5, 0.5, 0.5, 0.5), (0.2, 0.2), COLOUR)
    assert (image == 101).all()
