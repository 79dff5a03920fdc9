"""The robot: its steps on shapes whose answer is known, and properties on random masks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltr.admin.errors import DataError
from ltr.data.interactive.robot import (
    RobotParameters,
    bezier_curve,
    draw_corrections,
    error_skeleton,
    longest_paths,
)

PARAMS = RobotParameters()


def picture(text: str) -> np.ndarray:
    return np.array([[cell == "#" for cell in row] for row in text.split()])


def test_a_bar_is_scribbled_along_its_middle():
    truth = np.zeros((40, 60), np.uint8)
    truth[15:24, 5:55] = 1
    (line,) = draw_corrections(truth, np.zeros_like(truth), 1, PARAMS)
    assert line.object_id == 1
    assert len(line.path) == PARAMS.nb_points
    x, y = (line.path * (60, 40)).T
    middle = (x > 15) & (x < 45)
    assert middle.any()
    assert np.abs(y[middle] - 19).max() < 1.1  # the smoothing disk has an even side here


def test_what_was_taken_wrongly_is_scribbled_as_background():
    truth = np.zeros((40, 60), np.uint8)
    prediction = truth.copy()
    prediction[10:30, 20:40] = 2
    lines = draw_corrections(truth, prediction, 2, PARAMS)
    assert {line.object_id for line in lines} == {0}


def test_a_perfect_prediction_gets_no_scribble():
    truth = np.ones((20, 20), np.uint8)
    assert draw_corrections(truth, truth, 1, PARAMS) == []


def test_void_pixels_are_nobodys_error():
    truth = np.full((20, 20), 255, np.uint8)
    assert draw_corrections(truth, np.zeros_like(truth), 1, PARAMS) == []


def test_sizes_must_agree():
    with pytest.raises(DataError, match="shape"):
        draw_corrections(np.zeros((4, 5), np.uint8), np.zeros((5, 4), np.uint8), 1)


def test_the_longest_way_leaves_short_branches():
    skeleton = picture("#....... ........ ######## ...#.... ...#....")
    skeleton[0, 0] = False
    (path,) = longest_paths(skeleton, 2)
    assert path[:, 1].tolist() == [2] * 8
    assert sorted(path[:, 0].tolist()) == list(range(8))


def test_small_parts_are_left_out():
    skeleton = picture("###..... ........ .....##.")
    assert [len(path) for path in longest_paths(skeleton, 2)] == [3, 2]
    assert [len(path) for path in longest_paths(skeleton, 3)] == [3]
    assert longest_paths(skeleton, 4) == []


def test_a_ring_is_cut_open():
    skeleton = picture(".###. #...# #...# .###.")
    (path,) = longest_paths(skeleton, 2)
    assert len(path) == skeleton.sum()


def test_a_curve_runs_from_the_last_point_to_the_first():
    path = np.array([[0, 0], [5, 10], [10, 0]])
    curve = bezier_curve(path, 101)
    assert curve[0].tolist() == [10, 0]
    assert curve[-1].tolist() == [0, 0]
    assert curve[50] == pytest.approx([5, 5])  # a quadratic reaches half of its control point
    assert bezier_curve(path, 2).tolist() == path.tolist()


def test_a_speck_that_opening_removes_leaves_nothing():
    error = np.zeros((60, 60), bool)
    error[7:54:7, 5:55] = True  # thin lines: a large area that no disk fits into
    assert not error_skeleton(error, PARAMS).any()


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(8, 30), st.integers(8, 30))
def test_lines_stay_in_the_frame_and_name_what_is_there(seed, height, width):
    rng = np.random.default_rng(seed)
    truth, prediction = (
        rng.integers(0, 3, (2, height // 4 + 1, width // 4 + 1))
        .repeat(4, 1)
        .repeat(4, 2)[:, :height, :width]
        .astype(np.uint8)
    )
    lines = draw_corrections(truth, prediction, 2, PARAMS)
    for line in lines:
        assert (line.path >= 0).all()
        assert (line.path < 1).all()
        assert ((truth == line.object_id) & (prediction != line.object_id)).any()
    ids = [line.object_id for line in lines]
    assert ids == sorted(ids)
