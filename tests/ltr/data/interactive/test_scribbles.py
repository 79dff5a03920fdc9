"""Scribbles as pixels and as files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltr.admin.errors import DataError
from ltr.data.interactive.scribbles import (
    NOTHING,
    ScribbleLine,
    VideoScribbles,
    draw_scribbles,
    join_points,
    read_scribbles,
    write_scribbles,
)

pixels = st.tuples(st.integers(0, 40), st.integers(0, 40))


def segment_by_error(first, second):
    """Bresenham's loop: the minor axis steps when the error is at least 0."""
    delta = [abs(b - a) for a, b in zip(first, second, strict=True)]
    step = [int(np.sign(b - a)) for a, b in zip(first, second, strict=True)]
    major, minor = (0, 1) if delta[0] > delta[1] else (1, 0)
    error, place, found = 2 * delta[minor] - delta[major], list(first), []
    for _ in range(delta[major] + 1):
        found.append(tuple(place))
        if error >= 0:
            place[minor] += step[minor]
            error -= 2 * delta[major]
        place[major] += step[major]
        error += 2 * delta[minor]
    return found


@given(pixels, pixels)
def test_segments_are_bresenhams(first, second):
    found = join_points(np.array([first, second]))
    assert [tuple(pixel) for pixel in found.tolist()] == segment_by_error(first, second)


@given(st.lists(pixels, min_size=1, max_size=6))
def test_joined_points_have_no_gaps(points):
    found = join_points(np.array(points))
    assert {tuple(point) for point in points} <= {tuple(pixel) for pixel in found.tolist()}
    assert (np.abs(np.diff(found, axis=0)) <= 1).all()


def test_points_fall_on_truncated_pixels_and_later_lines_cover():
    lines = [
        ScribbleLine(np.array([[0.0, 0.5], [1.0, 0.5]]), 1),
        ScribbleLine(np.array([[0.99, 0.0], [0.99, 1.0]]), 0),
    ]
    drawn = draw_scribbles(lines, (4, 11))
    assert drawn[1, :9].tolist() == [1] * 9
    assert drawn[:, 9].tolist() == [0] * 4
    assert drawn[1, 10] == 1
    assert (drawn == NOTHING).sum() == 44 - 14


def test_files_keep_everything(tmp_path):
    lines = (
        ScribbleLine(np.array([[0.1, 0.2], [1.0, 0.0]]), 3, 5, 17),
        ScribbleLine(np.array([[0.5, 0.5]]), 0),
    )
    write_scribbles(tmp_path / "001.json", VideoScribbles("bär", ((), lines, ())))
    found = read_scribbles(tmp_path / "001.json")
    assert found.sequence == "bär"
    assert found.annotated == [1]
    assert [line.as_record() for line in found.frames[1]] == [line.as_record() for line in lines]


LINE = {"path": [[0.1, 0.2]], "object_id": 1}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not a JSON file"),
        (b"[" * 100_000, "not a JSON file"),
        (b"[]", "expected"),
        (b'{"scribbles": 3}', "expected"),
        (b'{"scribbles": [3]}', "expected"),
        (b'{"scribbles": [[3]]}', "no 'path'"),
        (json.dumps({"scribbles": [[{**LINE, "path": [[0.1, 1.5]]}]]}).encode(), "0 and 1"),
        (b'{"scribbles": [[{"path": [[NaN, 0]], "object_id": 1}]]}', "0 and 1"),
        (json.dumps({"scribbles": [[{**LINE, "path": []}]]}).encode(), "points"),
        (json.dumps({"scribbles": [[{**LINE, "path": [[0, 0], [1]]}]]}).encode(), "no 'path'"),
        (json.dumps({"scribbles": [[{**LINE, "object_id": -1}]]}).encode(), "object ids"),
        (json.dumps({"scribbles": [[{**LINE, "object_id": 10**30}]]}).encode(), "object ids"),
        (b'{"scribbles": [[{"path": [[0, 0]], "object_id": Infinity}]]}', "no 'path'"),
        (json.dumps({"scribbles": [[{"path": [[0, 0]]}]]}).encode(), "object_id"),
    ],
)
def test_other_files_are_one_sentence(content, told, tmp_path):
    path = tmp_path / "001.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=told) as caught:
        read_scribbles(path)
    assert "001.json" in str(caught.value)


def test_unknown_fields_are_ignored(tmp_path):
    path = tmp_path / "001.json"
    record = {"scribbles": [[{**LINE, "colour": "red"}]], "annotated_frame": 0}
    path.write_text(json.dumps(record))
    assert read_scribbles(path).frames[0][0].object_id == 1


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="cannot read scribbles"):
        read_scribbles(tmp_path / "none.json")
